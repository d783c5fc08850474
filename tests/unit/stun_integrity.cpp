// SPDX-License-Identifier: Apache-2.0
#include "stun/integrity.h"

#include <gtest/gtest.h>

#include <thread>

#include "unit/stun_samples.h"

namespace turnpike::stun {
namespace {

std::string hex(Bytes bytes) {
  std::string text;
  for (uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

TEST(Hmac, AgreesWithRfc2202AndRfc4231) {
  const Bytes what = text_bytes("what do ya want for nothing?");
  EXPECT_EQ(hex(hmac_sha1(text_bytes("Jefe"), {what})), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(hex(hmac_sha256(text_bytes("Jefe"), {what})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const Buffer long_key(80, 0xaa);
  EXPECT_EQ(hex(hmac_sha1(long_key, {text_bytes("Test Using Larger Than Block-Size Key - Hash Key First")})),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

TEST(Hmac, PartsCountAsOne) {
  const Bytes key = text_bytes("Jefe");
  EXPECT_EQ(hmac_sha1(key, {text_bytes("what do ya "), {}, text_bytes("want for nothing?")}),
            hmac_sha1(key, {text_bytes("what do ya want for nothing?")}));
}

// OpenSSL takes a null key for the one of the call before.
TEST(Hmac, AnEmptyKeyIsNotTheLastOne) {
  (void)hmac_sha1(text_bytes("another key"), {});
  EXPECT_EQ(hex(hmac_sha1({}, {})), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
  EXPECT_EQ(hex(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hmac, EachThreadHasItsOwnContext) {
  const Sha1Digest expected = hmac_sha1(text_bytes("key"), {text_bytes("data")});
  std::vector<std::thread> threads;
  std::array<bool, 4> agreed{};
  for (bool& result : agreed)
    threads.emplace_back([&] {
      result = true;
      for (int i = 0; i < 2000; ++i)
        result = result && hmac_sha1(text_bytes("key"), {text_bytes("data")}) == expected;
    });
  for (std::thread& thread : threads)
    thread.join();
  for (bool result : agreed)
    EXPECT_TRUE(result);
}

TEST(LongTermKey, IsMd5OfUsernameRealmPassword) {
  // RFC 8489 §9.2.2's example.
  EXPECT_EQ(hex(long_term_key("user", "realm", "pass")), "8493fbc53ba582fb4c044c456bdc40eb");
  EXPECT_NE(long_term_key("user", "realm", "pass"), long_term_key("user", "realm", "Pass"));
}

TEST(Crc32, AgreesWithTheCheckValue) {
  EXPECT_EQ(crc32(text_bytes("123456789")), 0xCBF43926u);
  EXPECT_EQ(crc32({}), 0u);
}

TEST(EqualInConstantTime, ComparesSizeAndBytes) {
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  EXPECT_TRUE(equal_in_constant_time(text_bytes("abc"), text_bytes("abc")));
  EXPECT_FALSE(equal_in_constant_time(text_bytes("abc"), text_bytes("abd")));
  EXPECT_FALSE(equal_in_constant_time(text_bytes("abc"), text_bytes("ab")));
  EXPECT_FALSE(equal_in_constant_time(text_bytes("abc"), {}));
}

}  // namespace
}  // namespace turnpike::stun
