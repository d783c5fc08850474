// SPDX-License-Identifier: Apache-2.0
#include "guard/reserved_ranges.h"

#include <vector>

namespace turnpike::guard {
namespace {

struct Range {
  Prefix prefix;
  const char* reason;
};

Range v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, unsigned length, const char* reason) {
  return {Prefix(IpAddress::v4(a, b, c, d), length), reason};
}

// `head` is the address' first 64 bits; the rest are zero, but for `tail`.
Range v6(uint64_t head, unsigned length, const char* reason, uint8_t tail = 0) {
  IpAddress::Storage bytes{};
  for (size_t i = 0; i < 8; ++i)
    bytes[i] = static_cast<uint8_t>(head >> (8 * (7 - i)));
  bytes[15] = tail;
  return {Prefix(IpAddress::v6(bytes), length), reason};
}

const std::vector<Range>& ranges() {
  static const std::vector<Range> all = {
      v4(0, 0, 0, 0, 8, "this network (RFC 791)"),
      v4(10, 0, 0, 0, 8, "private-use (RFC 1918)"),
      v4(100, 64, 0, 0, 10, "carrier-grade NAT (RFC 6598)"),
      v4(127, 0, 0, 0, 8, "loopback (RFC 1122)"),
      v4(169, 254, 0, 0, 16, "link-local (RFC 3927)"),
      v4(172, 16, 0, 0, 12, "private-use (RFC 1918)"),
      v4(192, 0, 0, 0, 24, "protocol assignments (RFC 6890)"),
      v4(192, 0, 2, 0, 24, "documentation (RFC 5737)"),
      v4(192, 168, 0, 0, 16, "private-use (RFC 1918)"),
      v4(198, 18, 0, 0, 15, "benchmarking (RFC 2544)"),
      v4(198, 51, 100, 0, 24, "documentation (RFC 5737)"),
      v4(203, 0, 113, 0, 24, "documentation (RFC 5737)"),
      v4(224, 0, 0, 0, 4, "multicast (RFC 5771)"),
      v4(255, 255, 255, 255, 32, "broadcast (RFC 919)"),
      v4(240, 0, 0, 0, 4, "reserved (RFC 1112)"),
      v6(0, 128, "unspecified (RFC 4291)"),
      v6(0, 128, "loopback (RFC 4291)", 1),
      v6(0x0064ff9b00010000, 48, "local-use NAT64 (RFC 8215)"),
      v6(0x0100000000000000, 64, "discard-only (RFC 6666)"),
      v6(0x2001000200000000, 48, "benchmarking (RFC 5180)"),
      v6(0x20010db800000000, 32, "documentation (RFC 3849)"),
      v6(0x3fff000000000000, 20, "documentation (RFC 9637)"),
      v6(0xfc00000000000000, 7, "unique local (RFC 4193)"),
      v6(0xfe80000000000000, 10, "link-local (RFC 4291)"),
      v6(0xfec0000000000000, 10, "site-local (RFC 3879)"),
      v6(0xff00000000000000, 8, "multicast (RFC 4291)"),
  };
  return all;
}

}  // namespace

const char* reserved_reason(const IpAddress& address) {
  for (const Range& range : ranges())
    if (range.prefix.contains(address)) return range.reason;
  if (address.is_v4()) return nullptr;
  static const Prefix global_unicast = v6(0x2000000000000000, 3, "").prefix;  // RFC 4291 §2.4
  static const Prefix nat64 = v6(0x0064ff9b00000000, 96, "").prefix;          // RFC 6052 §2.1
  if (global_unicast.contains(address) || nat64.contains(address)) return nullptr;
  return "not global unicast (RFC 4291)";
}

}  // namespace turnpike::guard
