// SPDX-License-Identifier: Apache-2.0
//
// Journey: where the model sends a packet's data, in what form and at whose cost. Found by the bindings
// alone; what the packet's headers forbid is another matter.
#pragma once

#include "packet_reader.h"

namespace turnpike::bpf_test {

struct Charge {
  uint32_t allocation;  // slot
  tp_direction direction;
};

struct Journey {
  Octets data;
  size_t span = 0;                    // of the data as it came, with its padding
  bool send = false;                  // it came in a Send indication
  const tp_binding* first = nullptr;  // that the packet itself was found by, of use or not
  Endpoint source, destination;
  uint32_t next_hop = 0;
  uint16_t channel = 0;           // ChannelData
  std::optional<Endpoint> named;  // Data indication: the peer that it names
  uint8_t hops = 1;
  tp_reason relayed = TP_RELAYED_TO_CLIENT;
  std::vector<Charge> charges;

  // Of the UDP payload as it leaves.
  Octets payload(const TransactionId& id) const;
};

const tp_flow* find_flow(const World& world, const Endpoint& remote, const Endpoint& local, uint16_t channel);
inline Endpoint any_port(const Endpoint& endpoint) {
  return {endpoint.address, 0};
}
// kNoReason, or why the packet goes no further. PASS_NO_FLOW and PASS_STUN: nobody's, or a client's own
// business with the relay.
tp_reason find_journey(const World& world, const Frame& in, Journey& journey);

}  // namespace turnpike::bpf_test
