// SPDX-License-Identifier: Apache-2.0
#include "stun_bytes.h"

namespace turnpike::bpf_test {
namespace {

constexpr uint8_t kCookie[] = {0x21, 0x12, 0xa4, 0x42};

// What an address is xor'ed with: the cookie, then the transaction id.
Octets mask(const TransactionId& id) {
  Octets bytes(kCookie, kCookie + 4);
  put(bytes, id);
  return bytes;
}

}  // namespace

Octets stun(uint16_t type, const std::vector<StunAttribute>& attributes, const TransactionId& id,
            uint8_t padding) {
  Octets body;
  for (const StunAttribute& attribute : attributes) {
    put_u16(body, attribute.type);
    put_u16(body, attribute.size.value_or(static_cast<uint16_t>(attribute.value.size())));
    put(body, attribute.value);
    body.resize((body.size() + 3) / 4 * 4, padding);
  }
  Octets message;
  put_u16(message, type);
  put_u16(message, static_cast<uint16_t>(body.size()));
  put(message, mask(id));
  put(message, body);
  return message;
}

Octets xor_address(const Endpoint& endpoint, const TransactionId& id) {
  const Octets bits = mask(id);
  Octets value{0, static_cast<uint8_t>(endpoint.address.is_v4() ? 1 : 2)};
  put_u16(value, endpoint.port ^ 0x2112);
  for (uint8_t byte : endpoint.address.wire())
    value.push_back(byte ^ bits[value.size() - 4]);
  return value;
}

std::optional<Endpoint> read_xor_address(Bytes value, const TransactionId& id) {
  if (value.size() != 8 && value.size() != 20) return std::nullopt;
  if (value[1] != (value.size() == 8 ? 1 : 2)) return std::nullopt;
  const Octets bits = mask(id);
  Octets address;
  for (uint8_t byte : value.subspan(4))
    address.push_back(byte ^ bits[address.size()]);
  return Endpoint{*IpAddress::from_wire(address), static_cast<uint16_t>((value[2] << 8 | value[3]) ^ 0x2112)};
}

StunAttribute peer_attribute(const Endpoint& peer) {
  return {kXorPeerAddress, xor_address(peer)};
}

StunAttribute data_attribute(const Octets& data) {
  return {kData, data};
}

Octets send_indication(const Endpoint& peer, const Octets& data, uint8_t padding) {
  return stun(kSendIndication, {peer_attribute(peer), data_attribute(data)}, kSomeId, padding);
}

Octets data_indication(const Endpoint& peer, const Octets& data, const TransactionId& id) {
  return stun(kDataIndication, {{kXorPeerAddress, xor_address(peer, id)}, {kData, data}}, id);
}

}  // namespace turnpike::bpf_test
