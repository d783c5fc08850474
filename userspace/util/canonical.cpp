// SPDX-License-Identifier: Apache-2.0
#include "util/canonical.h"

#include <algorithm>
#include <initializer_list>

namespace turnpike {
namespace {

using Storage = IpAddress::Storage;

bool starts_with(const Storage& bytes, std::initializer_list<uint8_t> head) {
  return std::equal(head.begin(), head.end(), bytes.begin());
}

IpAddress embedded(const Storage& bytes, size_t offset, uint8_t inverted = 0) {
  return IpAddress::v4(bytes[offset] ^ inverted, bytes[offset + 1] ^ inverted, bytes[offset + 2] ^ inverted,
                       bytes[offset + 3] ^ inverted);
}

}  // namespace

IpAddress canonical(const IpAddress& address) {
  if (address.is_v4()) return address;
  const Storage& b = address.bytes();
  if (starts_with(b, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0})) return embedded(b, 12);
  if (starts_with(b, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) {
    const bool unspecified_or_loopback = b[12] == 0 && b[13] == 0 && b[14] == 0 && b[15] <= 1;
    return unspecified_or_loopback ? address : embedded(b, 12);
  }
  if (starts_with(b, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return embedded(b, 12);
  if (starts_with(b, {0x20, 0x02})) return embedded(b, 2);
  if (starts_with(b, {0x20, 0x01, 0, 0})) return embedded(b, 12, 0xff);
  if ((b[8] & ~0x02) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe) return embedded(b, 12);
  return address;
}

Readings readings(const IpAddress& address) {
  Readings all;
  const Storage& b = address.bytes();
  if (starts_with(b, {0x00, 0x64, 0xff, 0x9b, 0, 1})) {
    // Octet 8 belongs to no address (RFC 6052 §2.2).
    for (const IpAddress& inside :
         {IpAddress::v4(b[6], b[7], b[9], b[10]), IpAddress::v4(b[7], b[9], b[10], b[11]),
          IpAddress::v4(b[9], b[10], b[11], b[12]), embedded(b, 12)})
      if (inside.wire()[0] != 0) all.add(inside);
  } else if (const IpAddress inside = canonical(address); inside != address) {
    all.add(inside);
  }
  all.add(address);
  return all;
}

}  // namespace turnpike
