// SPDX-License-Identifier: Apache-2.0
#include "auth/relay_authenticator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stun/message.h"

namespace turnpike::auth {
namespace {

const WallTime kWall{Seconds(1'700'000'000)};
const Endpoint kClient{IpAddress::v4(192, 0, 2, 9), 40000};

Now at(Seconds since) {
  return {MonotonicTime{since}, kWall + since};
}

RelayAuthenticator authenticator(std::vector<std::string> secrets) {
  return {"example.org",
          StaticUsers(std::map<std::string, std::string>{{"alice", "wonderland"}, {"1800000000", "static"}}),
          RestSecrets(std::move(secrets)), NonceMinter({}, Seconds(600))};
}

TEST(RelayAuthenticator, StaticUserHasOneKey) {
  const auto keys = authenticator({"north", "south"}).keys_for("alice", at(Seconds(0)));
  EXPECT_EQ(keys, std::vector{stun::long_term_key("alice", "example.org", "wonderland")});
}

TEST(RelayAuthenticator, TableOutranksSecrets) {
  const auto keys = authenticator({"north"}).keys_for("1800000000", at(Seconds(0)));
  EXPECT_EQ(keys, std::vector{stun::long_term_key("1800000000", "example.org", "static")});
}

TEST(RelayAuthenticator, UnknownMalformedAndExpiredUsersHaveNone) {
  const auto relay = authenticator({"north"});
  for (const std::string& username : {std::string(), std::string("bob"), std::string("1699999999:bob"),
                                      std::string("1800000000:bo\nb"), "1800000000:" + std::string(498, 'b')})
    EXPECT_TRUE(relay.keys_for(username, at(Seconds(0))).empty()) << username;
  EXPECT_EQ(relay.keys_for("1800000000:" + std::string(497, 'b'), at(Seconds(0))).size(), 1u);
}

// The relay cannot know from which secret a password came: one of the keys verifies the client's request.
TEST(RelayAuthenticator, WhicheverSecretMadeThePasswordItsKeyIsAmongThem) {
  const auto relay = authenticator({"new", "old"});
  for (const char* secret : {"new", "old", "gone"}) {
    const auto made = make_temporary_credentials(secret, "bob", Seconds(60), kWall);
    std::array<uint8_t, 256> buffer;
    const Bytes request = stun::MessageBuilder(buffer, stun::Method::kAllocate, stun::Class::kRequest, {})
                              .add_text(stun::AttributeType::kUsername, made.username)
                              .add_integrity(stun::long_term_key(made.username, "example.org", made.password))
                              .finish();
    const auto message = stun::MessageView::parse(request);
    ASSERT_TRUE(message);
    const auto keys = relay.keys_for(made.username, at(Seconds(0)));
    EXPECT_EQ(keys.size(), 2u);
    const auto fitting = std::count_if(keys.begin(), keys.end(),
                                       [&](const auto& key) { return message->verify_integrity(key); });
    EXPECT_EQ(fitting, std::string_view(secret) == "gone" ? 0 : 1) << secret;
    EXPECT_TRUE(relay.keys_for(made.username, at(Seconds(60))).empty()) << "also for a Refresh";
  }
}

TEST(RelayAuthenticator, NoncesFollowTheWallClock) {
  const auto relay = authenticator({});
  const std::string nonce = relay.make_nonce(kClient, at(Seconds(0)));
  EXPECT_EQ(relay.check_nonce(nonce, kClient, {MonotonicTime{Seconds(9'999)}, kWall}),
            turn::NonceState::kValid);
  EXPECT_EQ(relay.check_nonce(nonce, kClient, at(Seconds(599))), turn::NonceState::kValid);
  EXPECT_EQ(relay.check_nonce(nonce, kClient, at(Seconds(600))), turn::NonceState::kStale);
  EXPECT_EQ(relay.check_nonce("nonsense", kClient, at(Seconds(0))), turn::NonceState::kForged);
}

// protocol.md: an unauthenticated answer is at most three times its request.
TEST(RelayAuthenticator, A401FitsThreeTimesTheSmallestAllocate) {
  std::array<uint8_t, 256> request_buffer;
  std::array<uint8_t, 256> answer_buffer;
  const Bytes request =
      stun::MessageBuilder(request_buffer, stun::Method::kAllocate, stun::Class::kRequest, {})
          .add_u32(stun::AttributeType::kRequestedTransport, 17u << 24)
          .finish();
  const Bytes answer =
      stun::MessageBuilder(answer_buffer, stun::Method::kAllocate, stun::Class::kError, {})
          .add_error_code(stun::StatusCode::kUnauthenticated)
          .add_text(stun::AttributeType::kRealm, "turnpike")
          .add_text(stun::AttributeType::kNonce, authenticator({}).make_nonce(kClient, at(Seconds(0))))
          .finish();
  EXPECT_EQ(request.size(), 28u);
  EXPECT_LE(answer.size(), 3 * request.size());
}

}  // namespace
}  // namespace turnpike::auth
