// SPDX-License-Identifier: Apache-2.0
//
// Endpoint: address and port, the RFCs' "transport address". FiveTuple: the client's side of an allocation
// (RFC 8656 §2).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "util/ip_address.h"

namespace turnpike {

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;  // host order

  // "192.0.2.1:3478" or "[2001:db8::1]:3478". kInvalid otherwise.
  static Result<Endpoint> parse(std::string_view text);
  std::string to_string() const;
  auto operator<=>(const Endpoint&) const = default;
};

enum class Transport : uint8_t { kUdp, kTcp, kTls, kDtls };

std::string_view to_string(Transport transport);  // "udp", "tcp", "tls", "dtls"

struct FiveTuple {
  Endpoint client;
  Endpoint server;
  Transport transport = Transport::kUdp;

  std::string to_string() const;  // "udp 192.0.2.9:40000 -> 192.0.2.1:3478"
  auto operator<=>(const FiveTuple&) const = default;
};

}  // namespace turnpike

template <>
struct std::hash<turnpike::IpAddress> {
  size_t operator()(const turnpike::IpAddress& address) const noexcept;
};
template <>
struct std::hash<turnpike::Endpoint> {
  size_t operator()(const turnpike::Endpoint& endpoint) const noexcept;
};
template <>
struct std::hash<turnpike::FiveTuple> {
  size_t operator()(const turnpike::FiveTuple& five_tuple) const noexcept;
};
