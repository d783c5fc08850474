// SPDX-License-Identifier: Apache-2.0
#include "turn/allocate_wish.h"

#include <algorithm>

namespace turnpike::turn {

using stun::AttributeType;
using stun::StatusCode;

namespace {

constexpr uint8_t kUdp = 17;        // IP protocol number, as REQUESTED-TRANSPORT has it (RFC 8656 §18.7)
constexpr uint8_t kFamilyIpv4 = 1;  // RFC 8656 §18.6
constexpr uint8_t kFamilyIpv6 = 2;
constexpr uint8_t kReserveBit = 0x80;  // RFC 8656 §18.5

Outcome check_transport(const stun::MessageView& message) {
  const auto transport = message.find(AttributeType::kRequestedTransport);
  if (!transport || transport->value.size() != 4)
    return refuse(StatusCode::kBadRequest, "REQUESTED-TRANSPORT missing or malformed");
  if (transport->value[0] != kUdp)
    return refuse(StatusCode::kUnsupportedTransportProtocol, "relayed transport other than UDP");
  return {};
}

OrRefusal<std::optional<ReservationToken>> read_token(const stun::MessageView& message) {
  const auto attribute = message.find(AttributeType::kReservationToken);
  if (!attribute) return std::nullopt;
  ReservationToken token;
  if (attribute->value.size() != token.size())
    return refuse(StatusCode::kBadRequest, "malformed RESERVATION-TOKEN");
  if (message.has(AttributeType::kEvenPort) || message.has(AttributeType::kRequestedAddressFamily) ||
      message.has(AttributeType::kAdditionalAddressFamily))
    return refuse(StatusCode::kBadRequest, "RESERVATION-TOKEN with EVEN-PORT or an address family");
  std::copy(attribute->value.begin(), attribute->value.end(), token.begin());
  return token;
}

Outcome read_even_port(const stun::MessageView& message, AllocateWish& wish) {
  const auto attribute = message.find(AttributeType::kEvenPort);
  if (!attribute) return {};
  if (attribute->value.size() != 1) return refuse(StatusCode::kBadRequest, "malformed EVEN-PORT");
  wish.even_port = true;
  wish.reserve_next = (attribute->value[0] & kReserveBit) != 0;
  if (wish.reserve_next && wish.additional_ipv6)
    return refuse(StatusCode::kBadRequest, "EVEN-PORT's reservation with ADDITIONAL-ADDRESS-FAMILY");
  return {};
}

// The attribute names IPv6 alone, beside an IPv4 relayed address (RFC 8656 §7.2).
Outcome read_additional_family(const stun::MessageView& message, AllocateWish& wish) {
  const auto attribute = message.find(AttributeType::kAdditionalAddressFamily);
  if (!attribute) return {};
  if (attribute->value.size() != 4 || attribute->value[0] != kFamilyIpv6)
    return refuse(StatusCode::kBadRequest, "ADDITIONAL-ADDRESS-FAMILY other than IPv6");
  if (message.has(AttributeType::kRequestedAddressFamily))
    return refuse(StatusCode::kBadRequest, "REQUESTED-ADDRESS-FAMILY with ADDITIONAL-ADDRESS-FAMILY");
  wish.additional_ipv6 = true;
  return {};
}

}  // namespace

OrRefusal<AllocateWish> read_allocate_wish(const stun::MessageView& message) {
  AllocateWish wish;
  if (const Outcome transport = check_transport(message); !transport) return refuse(transport);
  const auto token = read_token(message);
  if (!token) return refuse(token);
  wish.token = *token;
  if (const Outcome additional = read_additional_family(message, wish); !additional)
    return refuse(additional);
  const auto family = read_requested_family(message);
  if (!family) return refuse(family);
  wish.family = family->value_or(AddressFamily::kIpv4);
  if (const Outcome even_port = read_even_port(message, wish); !even_port) return refuse(even_port);
  return wish;
}

OrRefusal<std::optional<AddressFamily>> read_requested_family(const stun::MessageView& message) {
  const auto attribute = message.find(AttributeType::kRequestedAddressFamily);
  if (!attribute) return std::nullopt;
  if (attribute->value.size() != 4)
    return refuse(StatusCode::kBadRequest, "malformed REQUESTED-ADDRESS-FAMILY");
  if (attribute->value[0] == kFamilyIpv4) return AddressFamily::kIpv4;
  if (attribute->value[0] == kFamilyIpv6) return AddressFamily::kIpv6;
  return refuse(StatusCode::kAddressFamilyNotSupported, "unknown address family");
}

OrRefusal<Seconds> read_lifetime(const stun::MessageView& message, const Options& options) {
  const auto attribute = message.find(AttributeType::kLifetime);
  if (!attribute) return options.default_lifetime;
  const auto asked = stun::read_u32(attribute->value);
  if (!asked) return refuse(StatusCode::kBadRequest, "malformed LIFETIME");
  return std::max(options.default_lifetime, std::min(Seconds(*asked), options.max_lifetime));
}

}  // namespace turnpike::turn
