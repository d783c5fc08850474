// SPDX-License-Identifier: Apache-2.0
#include "util/endpoint.h"

#include <charconv>
#include <cstring>

namespace turnpike {

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto malformed = [&] {
    return fail(ErrorCode::kInvalid,
                "'" + std::string(text) + "' is not ADDRESS:PORT (an IPv6 address goes in brackets)");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed();
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  if (!address || address->is_v4() == bracketed) return malformed();
  Endpoint endpoint{*address, 0};
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return malformed();
  return endpoint;
}

std::string Endpoint::to_string() const {
  const std::string host = address.to_string();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::string_view to_string(Transport transport) {
  switch (transport) {
    case Transport::kUdp:
      return "udp";
    case Transport::kTcp:
      return "tcp";
    case Transport::kTls:
      return "tls";
    case Transport::kDtls:
      return "dtls";
  }
  return "?";
}

std::string FiveTuple::to_string() const {
  return std::string(turnpike::to_string(transport)) + " " + client.to_string() + " -> " + server.to_string();
}

}  // namespace turnpike

namespace {

// splitmix64's finaliser: enough to spread keys that an attacker can only choose within what reached us.
uint64_t mix(uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
  return value ^ value >> 31;
}

}  // namespace

size_t std::hash<turnpike::IpAddress>::operator()(const turnpike::IpAddress& address) const noexcept {
  uint64_t halves[2];
  std::memcpy(halves, address.bytes().data(), sizeof halves);
  return mix(halves[0] + mix(halves[1] + 0x9e3779b97f4a7c15ULL));
}

size_t std::hash<turnpike::Endpoint>::operator()(const turnpike::Endpoint& endpoint) const noexcept {
  return mix(std::hash<turnpike::IpAddress>()(endpoint.address) + endpoint.port);
}

size_t std::hash<turnpike::FiveTuple>::operator()(const turnpike::FiveTuple& five_tuple) const noexcept {
  return mix(
      std::hash<turnpike::Endpoint>()(five_tuple.client) +
      mix(std::hash<turnpike::Endpoint>()(five_tuple.server) + static_cast<uint64_t>(five_tuple.transport)));
}
