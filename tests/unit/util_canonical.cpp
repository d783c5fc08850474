// SPDX-License-Identifier: Apache-2.0
#include "util/canonical.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

TEST(Canonical, FindsTheIpv4AddressInEveryForm) {
  struct Row {
    const char* form;
    const char* address;
    const char* judged_by;
  };
  const Row rows[] = {
      {"IPv4 itself", "10.1.2.3", "10.1.2.3"},
      {"compatible", "::10.1.2.3", "10.1.2.3"},
      {"compatible, small", "::2", "0.0.0.2"},
      {"mapped", "::ffff:10.1.2.3", "10.1.2.3"},
      {"translated", "::ffff:0:10.1.2.3", "10.1.2.3"},
      {"NAT64 well-known", "64:ff9b::10.1.2.3", "10.1.2.3"},
      {"6to4", "2002:a01:203::1", "10.1.2.3"},
      {"Teredo", "2001:0:c000:201:0:63bf:f5fe:fdfc", "10.1.2.3"},
      {"ISATAP, private", "2001:db8::5efe:10.1.2.3", "10.1.2.3"},
      {"ISATAP, global", "2001:db8::200:5efe:10.1.2.3", "10.1.2.3"},
      {"ISATAP, link-local", "fe80::5efe:10.1.2.3", "10.1.2.3"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(canonical(*IpAddress::parse(row.address)).to_string(), row.judged_by) << row.form;
}

TEST(Canonical, LeavesOtherAddressesAlone) {
  for (const char* text :
       {"::", "::1", "2001:db8::1", "fe80::1", "fd00::1", "ff02::1", "2001:1::1", "2003::1", "64:ff9b:2::1",
        "64:ff9b:1::10.1.2.3", "64:ff9c::10.1.2.3", "::1:10.1.2.3", "::ffff:1:10.1.2.3",
        "2001:db8::100:5efe:10.1.2.3", "2001:db8::5eff:10.1.2.3"})
    EXPECT_EQ(canonical(*IpAddress::parse(text)).to_string(), IpAddress::parse(text)->to_string());
}

std::string readings_of(const char* text) {
  std::string list;
  for (const IpAddress& reading : readings(*IpAddress::parse(text)))
    list += (list.empty() ? "" : " ") + reading.to_string();
  return list;
}

TEST(Readings, AreTheAddressInsideAndTheOneAsWritten) {
  EXPECT_EQ(readings_of("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(readings_of("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(readings_of("64:ff9b::10.1.2.3"), "10.1.2.3 64:ff9b::a01:203");
}

TEST(Readings, OfTheLocalNat64PrefixAreThoseOfAllLengths) {
  EXPECT_EQ(readings_of("64:ff9b:1:102:3:405:607:809"),
            "1.2.3.4 2.3.4.5 3.4.5.6 6.7.8.9 64:ff9b:1:102:3:405:607:809");
  EXPECT_EQ(readings_of("64:ff9b:1::10.1.2.3"), "10.1.2.3 64:ff9b:1::a01:203");  // the rest is padding
  EXPECT_EQ(readings_of("64:ff9b:1::"), "64:ff9b:1::");
}

}  // namespace
}  // namespace turnpike
