// SPDX-License-Identifier: Apache-2.0
#include "util/endpoint.h"

#include <gtest/gtest.h>

#include <unordered_set>

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

}  // namespace
}  // namespace turnpike
