// SPDX-License-Identifier: Apache-2.0
#include "util/endpoint.h"

#include <array>
#include <charconv>
#include <cstring>

#include "util/siphash.h"

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

// The halves of an address as words.
std::array<uint64_t, 2> words_of(const turnpike::IpAddress& address) {
  std::array<uint64_t, 2> words;
  std::memcpy(words.data(), address.bytes().data(), sizeof words);
  return words;
}

// Keyed, because whoever owns an IPv6 /64 chooses among 2^80 clients: those of one bucket must be unknown.
template <size_t kCount>
size_t keyed_hash(const std::array<uint64_t, kCount>& words) {
  return turnpike::siphash_1_3(turnpike::process_hash_key(), words);
}

}  // namespace

size_t std::hash<turnpike::IpAddress>::operator()(const turnpike::IpAddress& address) const noexcept {
  return keyed_hash(words_of(address));
}

size_t std::hash<turnpike::Endpoint>::operator()(const turnpike::Endpoint& endpoint) const noexcept {
  const auto address = words_of(endpoint.address);
  return keyed_hash<3>({address[0], address[1], endpoint.port});
}

size_t std::hash<turnpike::FiveTuple>::operator()(const turnpike::FiveTuple& five_tuple) const noexcept {
  const auto client = words_of(five_tuple.client.address);
  const auto server = words_of(five_tuple.server.address);
  const uint64_t rest = uint64_t{five_tuple.client.port} << 32 | uint64_t{five_tuple.server.port} << 16 |
                        static_cast<uint64_t>(five_tuple.transport);
  return keyed_hash<5>({client[0], client[1], server[0], server[1], rest});
}
