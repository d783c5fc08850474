// SPDX-License-Identifier: Apache-2.0
#include "util/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace turnpike {

Result<IpAddress> IpAddress::from_wire(Bytes wire) {
  if (wire.size() == 4) return v4(wire[0], wire[1], wire[2], wire[3]);
  if (wire.size() != 16)
    return fail(ErrorCode::kInvalid,
                "an address is 4 or 16 bytes, " + std::to_string(wire.size()) + " bytes came");
  Storage bytes;
  std::copy(wire.begin(), wire.end(), bytes.begin());
  return v6(bytes);
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  std::array<uint8_t, 16> wire;
  if (inet_pton(AF_INET, terminated.c_str(), wire.data()) == 1) return from_wire(Bytes(wire).first(4));
  if (inet_pton(AF_INET6, terminated.c_str(), wire.data()) == 1) return v6(wire);
  return fail(ErrorCode::kInvalid, "'" + terminated + "' is not an IPv4 or IPv6 address");
}

bool IpAddress::is_unspecified() const {
  const Bytes bytes = wire();
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, wire().data(), text, sizeof text);
  return text;
}

Prefix::Prefix(IpAddress address, unsigned length) : bits_(length + (address.is_v4() ? 96 : 0)) {
  IpAddress::Storage bytes = address.bytes();
  auto rest = bytes.begin() + bits_ / 8;
  if (bits_ % 8 != 0) *rest++ &= static_cast<uint8_t>(0xff00u >> bits_ % 8);
  std::fill(rest, bytes.end(), uint8_t{0});
  address_ = IpAddress::v6(bytes);
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return forward(address);
  const unsigned longest = address->is_v4() ? 32 : 128;
  unsigned length = longest;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc() || end != digits.data() + digits.size() || length > longest)
      return fail(ErrorCode::kInvalid,
                  "'" + std::string(text) + "': the prefix length must be 0 to " + std::to_string(longest));
  }
  return Prefix(*address, length);
}

bool Prefix::contains(const IpAddress& address) const {
  if (address.is_v4() != (bits_ >= 96 && address_.is_v4())) return false;
  const auto& ours = address_.bytes();
  const auto& theirs = address.bytes();
  const size_t whole = bits_ / 8;
  if (!std::equal(ours.begin(), ours.begin() + whole, theirs.begin())) return false;
  if (bits_ % 8 == 0) return true;
  const auto mask = static_cast<uint8_t>(0xff00u >> bits_ % 8);
  return ((ours[whole] ^ theirs[whole]) & mask) == 0;
}

std::string Prefix::to_string() const {
  const bool v4 = bits_ >= 96 && address_.is_v4();
  return address_.to_string() + "/" + std::to_string(bits_ - (v4 ? 96 : 0));
}

}  // namespace turnpike
