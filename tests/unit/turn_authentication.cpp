// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"
#include "util/credential_limits.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;
using stun::Class;
using stun::Method;

Datagram request(Method method, const Fill& fill) {
  Datagram buffer(4096);
  stun::MessageBuilder builder(buffer, method, Class::kRequest, transaction(1));
  fill(builder);
  buffer.resize(builder.finish().size());
  return buffer;
}

Fill credentials(const std::string& username, const std::string& nonce, const std::string& key_owner) {
  return [=](stun::MessageBuilder& b) {
    b.add_text(AttributeType::kUsername, username);
    b.add_text(AttributeType::kRealm, "turnpike");
    b.add_text(AttributeType::kNonce, nonce);
    b.add_integrity(key_of(key_owner));
  };
}

const std::vector<std::pair<Method, std::string>>& authenticated_methods() {
  static const std::vector<std::pair<Method, std::string>> methods = {
      {Method::kAllocate, "allocate"},
      {Method::kRefresh, "refresh"},
      {Method::kCreatePermission, "create_permission"},
      {Method::kChannelBind, "channel_bind"}};
  return methods;
}

TEST(TurnAuthentication, EveryRequestButBindingIsRefusedWithoutProof) {
  struct Row {
    Fill fill;
    std::string event;
    std::string answer;
  };
  const std::string challenge = " realm=turnpike nonce=fresh";
  const std::vector<Row> rows = {
      {requested_transport(), "401 no credentials", "401" + challenge},
      {credentials("alice", "stale", "alice"), "438 stale nonce", "438" + challenge},
      {credentials("alice", "invented", "alice"), "438 nonce of another relay or client", "438" + challenge},
      {credentials("mallory", "fresh", "mallory"), "401 unknown or expired user", "401" + challenge},
      {credentials("alice", "fresh", "mallory"), "401 wrong password", "401" + challenge},
      {credentials(std::string(509, 'x'), "fresh", "alice"), "400 USERNAME of more than 508 bytes", "400"},
  };
  for (const auto& [method, name] : authenticated_methods())
    for (const Row& row : rows) {
      World world;
      EXPECT_EQ(world.from_client(request(method, row.fill), world.five_tuple(1)),
                (Lines{"event refused " + row.event, "answer 198.51.100.7:1 " + name + " " + row.answer}));
      EXPECT_EQ(world.quota.total, 0);
      EXPECT_EQ(world.server->allocation_count(), 0u);
    }
}

TEST(TurnAuthentication, IntegrityWithoutUsernameRealmOrNonceIsABadRequest) {
  for (AttributeType missing : {AttributeType::kUsername, AttributeType::kRealm, AttributeType::kNonce}) {
    World world;
    const Datagram datagram = request(Method::kAllocate, [&](stun::MessageBuilder& b) {
      requested_transport()(b);
      for (const auto& [type, text] :
           {std::pair{AttributeType::kUsername, "alice"}, std::pair{AttributeType::kRealm, "turnpike"},
            std::pair{AttributeType::kNonce, "fresh"}})
        if (type != missing) b.add_text(type, text);
      b.add_integrity(key_of("alice"));
    });
    EXPECT_EQ(world.from_client(datagram, world.five_tuple(1)),
              (Lines{"event refused 400 MESSAGE-INTEGRITY without USERNAME, REALM or NONCE",
                     "answer 198.51.100.7:1 allocate 400"}));
  }
}

TEST(TurnAuthentication, ACredentialAfterTheIntegrityDoesNotCount) {
  World world;
  Datagram datagram = request(Method::kAllocate, [](stun::MessageBuilder& b) {
    requested_transport()(b);
    b.add_text(AttributeType::kUsername, "alice");
    b.add_text(AttributeType::kRealm, "turnpike");
    b.add_integrity(key_of("alice"));
  });
  const Datagram nonce = {0x00, 0x15, 0x00, 0x04, 's', 't', 'a', 'l'};
  datagram.insert(datagram.end(), nonce.begin(), nonce.end());
  datagram[3] = static_cast<uint8_t>(datagram.size() - 20);
  EXPECT_EQ(world.from_client(datagram, world.five_tuple(1)).back(), "answer 198.51.100.7:1 allocate 400");
}

TEST(TurnAuthentication, AnswersWithTheKeyThatTheClientUsed) {
  World world;
  Client client(world, 1, "rotating");
  EXPECT_EQ(client.refresh(),
            (Lines{"event refused 437 no allocation", "answer 198.51.100.7:1 refresh 437 signed=rotating"}));
}

TEST(TurnAuthentication, AnswersFingerprintWithFingerprint) {
  World world;
  Client client(world, 1);
  EXPECT_EQ(client.send(client.request(Method::kRefresh, {}, true)).back(),
            "answer 198.51.100.7:1 refresh 437 signed=alice fingerprint");
}

TEST(TurnAuthentication, ReportsUnknownAttributesOnlyToWhoIsAuthenticated) {
  World world;
  Client client(world, 1);
  const Fill odd = attribute(static_cast<AttributeType>(0x7abc), {1});
  EXPECT_EQ(client.allocate(odd), (Lines{"event refused 420 unknown comprehension-required attribute",
                                         "answer 198.51.100.7:1 allocate 420 unknown=7abc signed=alice"}));
  EXPECT_EQ(world.from_client(request(Method::kAllocate, odd), world.five_tuple(1)).back(),
            "answer 198.51.100.7:1 allocate 401 realm=turnpike nonce=fresh");
}

TEST(TurnAuthentication, AnAnswerToAStrangerIsAtMostThreeTimesTheRequest) {
  Options options;
  options.software = "a relay with a long name and version 1.2.3";
  World world(options);
  for (const Datagram& datagram :
       {request(Method::kAllocate, requested_transport()), request(Method::kAllocate, [](auto&) {}),
        request(Method::kRefresh, [](stun::MessageBuilder& b) { b.add_fingerprint(); })}) {
    world.server->handle_client(datagram, world.five_tuple(1), {}, world.now);
    const auto& answer = std::get<SendToClient>(world.server->commands().commands().back());
    EXPECT_LE(answer.data.size, 3 * datagram.size());
    EXPECT_TRUE(world.take().back().find("401 realm=turnpike nonce=fresh") != std::string::npos);
  }
}

class SixteenCharacterNonces final : public Authenticator {
 public:
  std::vector<stun::LongTermKey> keys_for(std::string_view, const Now&) const override { return {}; }
  std::string make_nonce(const Endpoint&, const Now&) const override { return std::string(16, 'n'); }
  NonceState check_nonce(std::string_view, const Endpoint&, const Now&) const override {
    return NonceState::kForged;
  }
};

TEST(TurnAuthentication, TheLongestRealmStillAnswersAFirstAllocateAndNothingShorter) {
  World world;
  const SixteenCharacterNonces authenticator;
  Options options;
  options.realm = std::string(kMaxRealm, 'r');
  options.relay_addresses = {{ip("192.0.2.1"), ip("192.0.2.1")}};
  const Environment environment{
      authenticator, world.peers, world.quota, *world.ports, world.shared->reservations, world.random};
  world.server = std::move(Server::create(options, environment).value());

  for (const Datagram& datagram :
       {request(Method::kAllocate, requested_transport()),
        request(Method::kAllocate, both(requested_transport(), [](auto& b) { b.add_fingerprint(); }))}) {
    world.server->handle_client(datagram, world.five_tuple(1), {}, world.now);
    const auto& answer = std::get<SendToClient>(world.server->commands().commands().back());
    EXPECT_LE(answer.data.size, 3 * datagram.size());
    EXPECT_NE(world.take().back().find(" 401 realm="), std::string::npos);
  }
  EXPECT_EQ(world.from_client(request(Method::kAllocate, [](auto&) {}), world.five_tuple(1)), Lines{});
  EXPECT_EQ(world.server->drops(DropReason::kAmplifying), 1u);
  EXPECT_EQ(world.server->refusals().at(stun::StatusCode::kUnauthenticated), 2u);

  options.realm += 'r';
  EXPECT_FALSE(Server::create(options, environment));
}

TEST(TurnAuthentication, EventsNameOnlyWhoIsProven) {
  World world;
  const auto name_in_event = [&](const Datagram& datagram) {
    world.server->handle_client(datagram, world.five_tuple(1), {}, world.now);
    const std::string username = std::get<Event>(world.server->commands().commands().front()).username;
    world.take();
    return username;
  };
  EXPECT_EQ(name_in_event(request(Method::kAllocate, credentials("alice\n", "fresh", "mallory"))), "");
  EXPECT_EQ(name_in_event(request(Method::kAllocate, credentials("alice", "fresh", "mallory"))), "");
  EXPECT_EQ(name_in_event(Client(world, 1).request(Method::kRefresh)), "alice");
}

TEST(TurnAuthentication, CountsRefusalsByCode) {
  World world;
  Client client(world, 1);
  client.refresh();
  client.refresh();
  world.from_client(request(Method::kAllocate, requested_transport()), world.five_tuple(1));
  EXPECT_EQ(world.server->refusals(),
            (std::map<stun::StatusCode, uint64_t>{{stun::StatusCode::kUnauthenticated, 1},
                                                  {stun::StatusCode::kAllocationMismatch, 2}}));
}

TEST(TurnAuthentication, AnotherUserMayNotTouchAnAllocation) {
  World world;
  Client alice(world, 1);
  alice.allocated();
  Client bob(world, 1, "bob");
  const auto refused = [](const char* method) {
    return Lines{"event refused 441 another user's allocation",
                 std::string("answer 198.51.100.7:1 ") + method + " 441 signed=bob"};
  };
  EXPECT_EQ(bob.refresh(0), refused("refresh"));
  EXPECT_EQ(bob.permit({"203.0.113.9"}), refused("create_permission"));
  EXPECT_EQ(bob.bind(0x4000, "203.0.113.9:9"), refused("channel_bind"));
  Client stranger(world, 1, "bob");  // the same transaction id as alice's Allocate
  EXPECT_EQ(stranger.allocate(), refused("allocate"));
  EXPECT_EQ(world.server->allocation_count(), 1u);
}

}  // namespace
}  // namespace turnpike::turn::test
