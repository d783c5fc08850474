// SPDX-License-Identifier: Apache-2.0
#include "util/endpoint.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <unordered_set>

#include "util/siphash.h"

namespace turnpike {
namespace {

TEST(Endpoint, ReadsBackWhatItWrites) {
  for (const char* text :
       {"192.0.2.1:3478", "192.0.2.1:0", "192.0.2.1:65535", "[2001:db8::1]:3478", "[::]:1"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
}

TEST(Endpoint, RefusesWhatIsNotAddressAndPort) {
  for (const char* text :
       {"", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:+1",
        "192.0.2.1:34x", "192.0.2.1: 34", "[192.0.2.1]:3478", "2001:db8::1:3478", "2001:db8::1",
        "[2001:db8::1]", "[]:1", "[2001:db8::1:3478", "relay.example.org:3478"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.error().code, ErrorCode::kInvalid) << text;
  }
}

TEST(FiveTuple, NamesTransportAndBothEnds) {
  const FiveTuple tuple{*Endpoint::parse("192.0.2.9:40000"), *Endpoint::parse("[2001:db8::1]:3478"),
                        Transport::kTls};
  EXPECT_EQ(tuple.to_string(), "tls 192.0.2.9:40000 -> [2001:db8::1]:3478");
}

TEST(FiveTuple, HashTellsNeighbouringClientsAndTransportsApart) {
  std::unordered_set<size_t> hashes;
  for (uint16_t port = 0; port < 1000; ++port)
    for (Transport transport : {Transport::kUdp, Transport::kTcp, Transport::kTls, Transport::kDtls})
      hashes.insert(std::hash<FiveTuple>()(
          {{IpAddress::v4(192, 0, 2, 9), port}, {IpAddress::v4(192, 0, 2, 1), 3478}, transport}));
  EXPECT_EQ(hashes.size(), 4000u);
}

// The child process of a threadsafe death test starts afresh, and then finds the variable set.
TEST(FiveTuple, HashIsAnotherInEachProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string hash = std::to_string(std::hash<FiveTuple>()({}));
  setenv("TURNPIKE_TEST_PARENTS_HASH", hash.c_str(), 0);
  EXPECT_EXIT(std::exit(getenv("TURNPIKE_TEST_PARENTS_HASH") == hash ? 1 : 0), testing::ExitedWithCode(0),
              "");
  unsetenv("TURNPIKE_TEST_PARENTS_HASH");
}

// By OpenSSL: openssl mac -macopt c-rounds:1 -macopt d-rounds:3 -macopt size:8 -macopt hexkey:0001...0f
// SIPHASH
TEST(SipHash, AgreesWithOpenSsl) {
  const SipHashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  const std::array<uint64_t, 2> words{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  EXPECT_EQ(siphash_1_3(key, {}), 0xabac0158050fc4dcU);
  EXPECT_EQ(siphash_1_3(key, std::span(words).first(1)), 0x369095118d299a8eU);
  EXPECT_EQ(siphash_1_3(key, words), 0xcc4fdd1a7d908b66U);
}

}  // namespace
}  // namespace turnpike
