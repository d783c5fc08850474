// SPDX-License-Identifier: Apache-2.0
#include "auth/credentials.h"

#include <gtest/gtest.h>

#include "util/credential_limits.h"

#include <algorithm>
#include <cstring>

#include "auth/base64.h"

namespace turnpike::auth {
namespace {

const WallTime kNow{Seconds(1'700'000'000)};

class CountingRandom final : public Random {
 public:
  void fill(MutableBytes bytes) override {
    for (uint8_t& byte : bytes)
      byte = next_--;
  }

 private:
  uint8_t next_ = 0xFF;
};

TEST(Base64, AgreesWithRfc4648) {
  const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"}};
  for (const auto& [text, expected] : rows)
    EXPECT_EQ(base64(Bytes(reinterpret_cast<const uint8_t*>(text), std::strlen(text))), expected);
  const uint8_t high[] = {0xFB, 0xFF, 0xFE, 0xFF};
  EXPECT_EQ(base64(high), "+//+/w==");
  EXPECT_EQ(base64_url(high), "-__-_w");
}

TEST(Username, IsOneTo508BytesWithoutControlCharacters) {
  EXPECT_TRUE(is_well_formed_username("a"));
  EXPECT_TRUE(is_well_formed_username("user name@example.org"));
  EXPECT_TRUE(is_well_formed_username("\xE3\x83\x9E\xC2\xA0\xC3\x80"));  // マ, no-break space, À
  EXPECT_TRUE(is_well_formed_username(std::string(508, 'a')));
  EXPECT_FALSE(is_well_formed_username(std::string(509, 'a')));
  EXPECT_FALSE(is_well_formed_username(""));
  for (const std::string& control :
       {std::string(1, '\0'), std::string("\n"), std::string("\x1B[2J"), std::string("\x1F"),
        std::string("\x7F"), std::string("\xC2\x80"), std::string("\xC2\x9F")})
    EXPECT_FALSE(is_well_formed_username("user" + control));
}

TEST(StaticUsers, KnowsTheUsersOfItsTable) {
  const StaticUsers users(std::map<std::string, std::string>{{"alice", "wonderland"}, {"bob", ""}});
  EXPECT_EQ(users.password_of("alice"), "wonderland");
  EXPECT_EQ(users.password_of("bob"), "");
  for (const char* unknown : {"", "Alice", "alic", "alice ", "carol"})
    EXPECT_FALSE(users.password_of(unknown)) << unknown;
}

// Made independently: printf 1700000100:alice | openssl dgst -sha1 -hmac north -binary | base64
TEST(RestSecrets, MakesThePasswordThatOtherServicesMake) {
  const RestSecrets secrets({"north"});
  EXPECT_EQ(secrets.passwords_of("1700000100:alice", kNow),
            std::vector<std::string>{"s2r39XucwMOQT0J2OK4XatJImYw="});
}

TEST(RestSecrets, GiveOnePasswordEachInTheirOrder) {
  const auto both = RestSecrets({"new", "old"}).passwords_of("1700000100", kNow);
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0], RestSecrets({"new"}).passwords_of("1700000100", kNow)[0]);
  EXPECT_EQ(both[1], RestSecrets({"old"}).passwords_of("1700000100", kNow)[0]);
  EXPECT_NE(both[0], both[1]);
  EXPECT_TRUE(RestSecrets().passwords_of("1700000100", kNow).empty());
}

TEST(RestSecrets, UsernameExpiresToTheSecond) {
  const RestSecrets secrets({"north"});
  for (const char* username : {"1700000100", "1700000100:", "1700000100:alice"}) {
    EXPECT_EQ(secrets.passwords_of(username, kNow + Seconds(99)).size(), 1u) << username;
    EXPECT_TRUE(secrets.passwords_of(username, kNow + Seconds(100)).empty()) << username;
  }
}

TEST(RestSecrets, OnlyDigitsBeforeTheColonAreAnExpiry) {
  const RestSecrets secrets({"north"});
  EXPECT_EQ(secrets.passwords_of("1800000000:a:b", kNow).size(), 1u);
  EXPECT_EQ(secrets.passwords_of("9223372036854775807:a", kNow).size(), 1u);
  for (const char* username : {"", ":", ":alice", "alice", "alice:1800000000", "-1800000000", "+1800000000",
                               " 1800000000", "1800000000 :a", "1800000000x:a", "1.8e9:a", "0x7fffffff:a",
                               "9223372036854775808:a", "99999999999999999999:a", "0:a"})
    EXPECT_TRUE(secrets.passwords_of(username, kNow).empty()) << username;
}

TEST(TemporaryCredentials, AreTakenUntilTheyExpire) {
  const auto made = make_temporary_credentials("north", "alice", Seconds(3600), kNow);
  EXPECT_EQ(made.username, "1700003600:alice");
  EXPECT_EQ(made.expires, kNow + Seconds(3600));
  const RestSecrets secrets({"south", "north"});
  const auto passwords = secrets.passwords_of(made.username, kNow);
  EXPECT_EQ(std::count(passwords.begin(), passwords.end(), made.password), 1);
  EXPECT_TRUE(secrets.passwords_of(made.username, made.expires).empty());
}

TEST(TemporaryCredentials, NeedNoId) {
  EXPECT_EQ(make_temporary_credentials("north", "", Seconds(60), kNow).username, "1700000060");
}

TEST(GenerateSecret, Is32RandomBytesAsBase64Url) {
  CountingRandom random;
  const std::string first = generate_secret(random);
  EXPECT_EQ(first, "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA");
  EXPECT_NE(generate_secret(random), first);
  SystemRandom system;
  EXPECT_EQ(generate_secret(system).size(), 43u);
  EXPECT_NE(generate_secret(system), generate_secret(system));
}

}  // namespace
}  // namespace turnpike::auth
