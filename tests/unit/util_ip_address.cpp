// SPDX-License-Identifier: Apache-2.0
#include "util/ip_address.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

TEST(IpAddress, WritesTheShortestFormOfWhatItReads) {
  const std::pair<const char*, const char*> rows[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"2001:db8::1", "2001:db8::1"},
      {"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"::", "::"},
      {"::1", "::1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::ffff:c000:201", "192.0.2.1"},
  };
  for (const auto& [text, expected] : rows) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), expected) << text;
  }
}

TEST(IpAddress, RefusesWhatIsNoAddressAndNamesIt) {
  for (const char* text :
       {"", " ", "192.0.2", "192.0.2.256", "192.0.2.1 ", "192.0.2.1:3478", "[::1]", ":::", "2001:db8::1::2",
        "fe80::1%eth0", "relay.example.org", "0x7f.0.0.1", "010.0.0.1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalid);
    EXPECT_NE(address.error().message.find("'" + std::string(text) + "'"), std::string::npos) << text;
  }
}

TEST(IpAddress, ReadsAndGivesWireBytes) {
  const uint8_t v4[] = {192, 0, 2, 1};
  const uint8_t v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(IpAddress::from_wire(v4)->to_string(), "192.0.2.1");
  EXPECT_EQ(IpAddress::from_wire(v6)->to_string(), "2001:db8::1");
  EXPECT_EQ(IpAddress::from_wire(v4)->wire().size(), 4u);
  EXPECT_EQ(IpAddress::from_wire(v6)->wire().size(), 16u);
  for (size_t size : {0u, 1u, 3u, 5u, 15u})
    EXPECT_FALSE(IpAddress::from_wire(Bytes(v6).first(size))) << size;
}

TEST(IpAddress, KnowsItsFamilyAndTheUnspecifiedAddress) {
  EXPECT_EQ(IpAddress::parse("192.0.2.1")->family(), AddressFamily::kIpv4);
  EXPECT_EQ(IpAddress::parse("2001:db8::1")->family(), AddressFamily::kIpv6);
  EXPECT_EQ(IpAddress::parse("::192.0.2.1")->family(), AddressFamily::kIpv6);
  EXPECT_TRUE(IpAddress::parse("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
  EXPECT_FALSE(IpAddress::parse("::1")->is_unspecified());
  EXPECT_TRUE(IpAddress().is_unspecified());
}

TEST(Prefix, ContainsExactlyItsRange) {
  struct Row {
    const char* prefix;
    const char* address;
    bool inside;
  };
  const Row rows[] = {
      {"192.0.2.0/24", "192.0.2.0", true},
      {"192.0.2.0/24", "192.0.2.255", true},
      {"192.0.2.0/24", "192.0.3.0", false},
      {"192.0.2.0/24", "192.0.1.255", false},
      {"172.16.0.0/12", "172.31.255.255", true},
      {"172.16.0.0/12", "172.32.0.0", false},
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.0", false},
      {"192.0.2.1/31", "192.0.2.0", true},
      {"0.0.0.0/0", "255.255.255.255", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "127.0.0.1", false},
      {"::/80", "127.0.0.1", false},
      {"2001:db8::/32", "2001:db8:ffff::", true},
      {"2001:db8::/32", "2001:db9::", false},
      {"fe80::/10", "febf::1", true},
      {"fe80::/10", "fec0::1", false},
      {"2001:db8::1", "2001:db8::1", true},
      {"2001:db8::1/128", "2001:db8::2", false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(Prefix::parse(row.prefix)->contains(*IpAddress::parse(row.address)), row.inside)
        << row.prefix << " " << row.address;
}

TEST(Prefix, ClearsTheBitsBeyondItsLengthWhenWritten) {
  const std::pair<const char*, const char*> rows[] = {
      {"192.0.2.77/24", "192.0.2.0/24"},
      {"192.0.2.77", "192.0.2.77/32"},
      {"10.255.0.0/9", "10.128.0.0/9"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"2001:db8::1/32", "2001:db8::/32"},
      {"::1", "::1/128"},
      {"::/0", "::/0"},
  };
  for (const auto& [text, expected] : rows)
    EXPECT_EQ(Prefix::parse(text)->to_string(), expected) << text;
}

TEST(Prefix, RefusesLengthsThatTheFamilyLacks) {
  for (const char* text :
       {"192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/", "192.0.2.0/8x", "192.0.2.0/ 8", "192.0.2.0/4294967297",
        "2001:db8::/129", "/24", "192.0.2/24", "192.0.2.0/24/24"}) {
    const auto prefix = Prefix::parse(text);
    ASSERT_FALSE(prefix) << text;
    EXPECT_EQ(prefix.error().code, ErrorCode::kInvalid) << text;
  }
}

}  // namespace
}  // namespace turnpike
