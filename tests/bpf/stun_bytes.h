// SPDX-License-Identifier: Apache-2.0
//
// STUN messages by their bytes (RFC 8489 §5, §14; RFC 8656 §18), right and wrong ones, by code that shares
// nothing with the relay's.
#pragma once

#include "frame.h"

namespace turnpike::bpf_test {

using TransactionId = std::array<uint8_t, 12>;

struct StunAttribute {
  uint16_t type;
  Octets value;
  std::optional<uint16_t> size = {};  // instead of the value's
};

enum StunType : uint16_t {
  kBindingRequest = 0x0001,
  kAllocateRequest = 0x0003,
  kSendIndication = 0x0016,
  kDataIndication = 0x0017,
  kBindingSuccess = 0x0101,
};
enum StunAttributeType : uint16_t {
  kXorPeerAddress = 0x0012,
  kData = 0x0013,
  kDontFragment = 0x001a,
  kXorMappedAddress = 0x0020,
  kSoftware = 0x8022,
  kFingerprint = 0x8028,
};

inline constexpr TransactionId kSomeId{0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                       0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

inline size_t padded(size_t size) {
  return (size + 3) / 4 * 4;
}
// Each value is padded by `padding` up to a multiple of four.
Octets stun(uint16_t type, const std::vector<StunAttribute>& attributes, const TransactionId& id = kSomeId,
            uint8_t padding = 0);
// The same function both ways: RFC 8489 §14.2.
Octets xor_address(const Endpoint& endpoint, const TransactionId& id = kSomeId);
std::optional<Endpoint> read_xor_address(Bytes value, const TransactionId& id);

StunAttribute peer_attribute(const Endpoint& peer);
StunAttribute data_attribute(const Octets& data);
Octets send_indication(const Endpoint& peer, const Octets& data, uint8_t padding = 0);
Octets data_indication(const Endpoint& peer, const Octets& data, const TransactionId& id);

}  // namespace turnpike::bpf_test
