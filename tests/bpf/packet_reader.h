// SPDX-License-Identifier: Apache-2.0
//
// A frame's bytes taken apart again: the model's view of what came.
#pragma once

#include "stun_bytes.h"
#include "world.h"

namespace turnpike::bpf_test {

// What a step of the model gives when the packet goes on.
inline constexpr tp_reason kNoReason = TP_REASON_COUNT;

struct Parsed {
  Frame frame;  // no udp_check, no trailing
  uint16_t udp_check = 0;
  uint32_t error = 0;  // ones' complement sum of the datagram: 0 when its checksum is right
};

// kNoReason, or why it is no UDP datagram that could be relayed.
tp_reason read_packet(const World& world, const Octets& packet, Parsed& parsed);

bool is_stun(const Octets& payload);
inline uint16_t stun_type(const Octets& payload) {
  return static_cast<uint16_t>(payload[0] << 8 | payload[1]);
}

struct Send {
  Endpoint peer;
  Octets data;
};
// A Send indication that holds what the program may relay and nothing else.
std::optional<Send> read_send(const Octets& payload);

}  // namespace turnpike::bpf_test
