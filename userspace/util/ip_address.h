// SPDX-License-Identifier: Apache-2.0
//
// IpAddress: an IPv4 or IPv6 address in one layout, IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). The same
// sixteen bytes are the keys of the BPF maps. Prefix: a CIDR range.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "util/bytes.h"
#include "util/result.h"

namespace turnpike {

enum class AddressFamily : uint8_t { kIpv4, kIpv6 };

class IpAddress {
 public:
  using Storage = std::array<uint8_t, 16>;

  constexpr IpAddress() = default;  // ::
  static constexpr IpAddress v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    IpAddress address;
    address.bytes_ = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
    return address;
  }
  static constexpr IpAddress v6(const Storage& bytes) {
    IpAddress address;
    address.bytes_ = bytes;
    return address;
  }
  // Wire bytes: 4 (IPv4) or 16 (IPv6) of them. kInvalid for any other count.
  static Result<IpAddress> from_wire(Bytes wire);
  // Text forms of inet_pton. kInvalid with the text otherwise.
  static Result<IpAddress> parse(std::string_view text);

  constexpr bool is_v4() const {
    for (size_t i = 0; i < 10; ++i)
      if (bytes_[i] != 0) return false;
    return bytes_[10] == 0xff && bytes_[11] == 0xff;
  }
  constexpr AddressFamily family() const { return is_v4() ? AddressFamily::kIpv4 : AddressFamily::kIpv6; }
  bool is_unspecified() const;           // 0.0.0.0 or ::
  constexpr bool is_multicast() const {  // 224.0.0.0/4 or ff00::/8
    return is_v4() ? (bytes_[12] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
  }
  constexpr const Storage& bytes() const { return bytes_; }
  // The address as it stands on the wire: 4 or 16 bytes, valid as long as *this.
  Bytes wire() const { return is_v4() ? Bytes(bytes_).last(4) : Bytes(bytes_); }
  std::string to_string() const;  // "192.0.2.1" or "2001:db8::1"

  constexpr auto operator<=>(const IpAddress&) const = default;

 private:
  Storage bytes_{};
};

class Prefix {
 public:
  // `length` counts in the family of `address`: 0-32 or 0-128. Bits of `address` beyond it are cleared.
  Prefix(IpAddress address, unsigned length);
  // "192.0.2.0/24", "2001:db8::/32" or a single address. kInvalid, naming the fault, otherwise.
  static Result<Prefix> parse(std::string_view text);

  // Never across families: ::/0 does not contain the IPv4 addresses that our layout keeps inside it.
  bool contains(const IpAddress& address) const;
  const IpAddress& address() const { return address_; }
  unsigned bits() const { return bits_; }  // in the 128-bit layout: an IPv4 /n has 96 + n
  std::string to_string() const;
  auto operator<=>(const Prefix&) const = default;

 private:
  IpAddress address_;
  unsigned bits_;
};

}  // namespace turnpike
