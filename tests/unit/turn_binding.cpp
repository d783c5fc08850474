// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;
using stun::Class;
using stun::Method;

Datagram message(Method method, Class message_class, const Fill& fill = {}) {
  Datagram buffer(2048);
  stun::MessageBuilder builder(buffer, method, message_class, transaction(1));
  if (fill) fill(builder);
  buffer.resize(builder.finish().size());
  return buffer;
}

TEST(TurnServer, AnswersBindingWithTheClientsAddress) {
  World world;
  EXPECT_EQ(world.from_client(message(Method::kBinding, Class::kRequest), world.five_tuple(40000)),
            Lines{"answer 198.51.100.7:40000 binding 200 mapped=198.51.100.7:40000"});
}

TEST(TurnServer, AnswersBindingOverIpv6) {
  World world;
  const FiveTuple five_tuple{at("[2001:db8::7]:40000"), at("[2001:db8::1]:3478"), Transport::kUdp};
  EXPECT_EQ(world.from_client(message(Method::kBinding, Class::kRequest), five_tuple),
            Lines{"answer [2001:db8::7]:40000 binding 200 mapped=[2001:db8::7]:40000"});
}

TEST(TurnServer, AddsFingerprintToTheAnswerOfARequestThatHasIt) {
  World world;
  const Datagram request =
      message(Method::kBinding, Class::kRequest, [](stun::MessageBuilder& b) { b.add_fingerprint(); });
  EXPECT_EQ(world.from_client(request, world.five_tuple(40000)),
            Lines{"answer 198.51.100.7:40000 binding 200 mapped=198.51.100.7:40000 fingerprint"});
}

TEST(TurnServer, AnswersBindingOfAnIceAgent) {
  World world;
  const Datagram request = message(Method::kBinding, Class::kRequest, [](stun::MessageBuilder& b) {
    b.add_u32(AttributeType::kPriority, 1).add(AttributeType::kUseCandidate, {});
  });
  EXPECT_EQ(world.from_client(request, world.five_tuple(40000)),
            Lines{"answer 198.51.100.7:40000 binding 200 mapped=198.51.100.7:40000"});
}

TEST(TurnServer, NamesItsSoftwareWhenTold) {
  Options options;
  options.software = "relay";
  World world(options);
  EXPECT_EQ(world.from_client(message(Method::kBinding, Class::kRequest), world.five_tuple(40000)),
            Lines{"answer 198.51.100.7:40000 binding 200 mapped=198.51.100.7:40000"});  // a stranger
  EXPECT_EQ(Client(world, 1).refresh().back(),
            "answer 198.51.100.7:1 refresh 437 software=relay signed=alice");
}

TEST(TurnServer, RefusesUnknownComprehensionRequiredAttributesOnceEach) {
  World world;
  const Datagram request = message(Method::kBinding, Class::kRequest, [](stun::MessageBuilder& b) {
    for (uint16_t type : {0x7001, 0x7002, 0x7001, 0xf000})
      b.add_u32(static_cast<AttributeType>(type), 0);
  });
  EXPECT_EQ(world.from_client(request, world.five_tuple(40000)),
            (Lines{"event refused 420 unknown comprehension-required attribute",
                   "answer 198.51.100.7:40000 binding 420 unknown=70017002"}));
}

TEST(TurnServer, DropsAndCountsWhatItDoesNotKnow) {
  struct Row {
    const char* what;
    Datagram datagram;
    DropReason reason;
  };
  Datagram wrong_fingerprint =
      message(Method::kBinding, Class::kRequest, [](stun::MessageBuilder& b) { b.add_fingerprint(); });
  wrong_fingerprint.back() ^= 1;
  Datagram truncated = message(Method::kAllocate, Class::kRequest, requested_transport());
  truncated.pop_back();
  const std::vector<Row> rows = {
      {"unknown method", message(static_cast<Method>(0x00F), Class::kRequest), DropReason::kUnknownMethod},
      {"success response", message(Method::kBinding, Class::kSuccess), DropReason::kUnknownMethod},
      {"error response", message(Method::kAllocate, Class::kError), DropReason::kUnknownMethod},
      {"Data from a client", message(Method::kData, Class::kIndication), DropReason::kUnknownMethod},
      {"Send as a request", message(Method::kSend, Class::kRequest), DropReason::kUnknownMethod},
      {"Allocate as an indication", message(Method::kAllocate, Class::kIndication),
       DropReason::kUnknownMethod},
      {"wrong fingerprint", wrong_fingerprint, DropReason::kMalformedStun},
      {"truncated", truncated, DropReason::kMalformedStun},
      {"empty", {}, DropReason::kMalformedStun},
      {"text", bytes_of("INVITE sip:a@b SIP/2.0"), DropReason::kMalformedChannelData},
      {"DTLS", {22, 254, 253, 0, 0, 0, 0}, DropReason::kMalformedStun},
      {"ChannelData without a length", {0x40, 0x00}, DropReason::kMalformedChannelData},
  };
  for (const Row& row : rows) {
    World world;
    EXPECT_EQ(world.from_client(row.datagram, world.five_tuple(40000)), Lines{}) << row.what;
    EXPECT_EQ(world.server->drops(row.reason), 1u) << row.what;
  }
}

TEST(TurnServer, IgnoresBindingIndications) {
  World world;
  EXPECT_EQ(world.from_client(message(Method::kBinding, Class::kIndication), world.five_tuple(40000)),
            Lines{});
  EXPECT_EQ(world.server->drops(DropReason::kUnknownMethod), 0u);
}

TEST(TurnServer, NamesEveryDropReasonDifferently) {
  std::set<std::string> names;
  for (size_t i = 0; i < static_cast<size_t>(DropReason::kCount); ++i)
    names.insert(to_string(static_cast<DropReason>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(DropReason::kCount));
  EXPECT_FALSE(names.contains("?"));
}

TEST(TurnServer, IsNotMadeFromContradictions) {
  World world;
  const Environment environment{world.authenticator,        world.peers, world.quota, *world.ports,
                                world.shared->reservations, world.random};
  Options good;
  good.relay_addresses = {{ip("192.0.2.1"), ip("192.0.2.1")}};
  EXPECT_TRUE(Server::create(good, environment));
  Options no_realm = good;
  no_realm.realm.clear();
  Options no_address = good;
  no_address.relay_addresses.clear();
  Options foreign = good;
  foreign.relay_addresses[0].local = ip("192.0.2.99");
  Options no_such_worker = good;
  no_such_worker.worker = 1;
  for (const Options& bad : {no_realm, no_address, foreign, no_such_worker}) {
    const auto server = Server::create(bad, environment);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, ErrorCode::kInvalid);
  }
}

}  // namespace
}  // namespace turnpike::turn::test
