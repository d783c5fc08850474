// SPDX-License-Identifier: Apache-2.0
//
// World: what userspace would have written into the maps. The tests change it, load it into the program's
// maps, and ask the model about it.
#pragma once

#include <map>
#include <vector>

#include "bpf/abi.h"
#include "frame.h"

namespace turnpike::bpf_test {

inline constexpr uint64_t kPast = 1;
inline constexpr uint64_t kNever = UINT64_MAX;
inline constexpr uint32_t kSlots = 64;  // of every array

struct World {
  struct Flow {
    tp_flow_key key;
    tp_flow value;
  };
  std::map<uint32_t, tp_binding> bindings;
  std::map<uint32_t, tp_allocation> allocations;
  std::map<uint32_t, tp_next_hop> next_hops;
  std::vector<Flow> flows;

  // A binding in `slot` with its two flows and an allocation in the same slot; nothing of it has expired.
  tp_binding& bind(uint32_t slot, uint16_t channel, const Endpoint& client, const Endpoint& server,
                   const Endpoint& relayed, const Endpoint& peer);
  void remove_flow(const tp_flow_key& key);
};

tp_endpoint to_abi(const Endpoint& endpoint);
Endpoint from_abi(const tp_endpoint& endpoint);
tp_flow_key flow_key(const Endpoint& remote, const Endpoint& local, uint16_t channel);
Endpoint at(const char* text);  // Endpoint::parse of a text that is right

// One allocation of each kind. Channel numbers are 0x4000 + slot.
enum Slot : uint32_t { kV4 = 1, kV6, kV4ToV6, kV6ToV4, kAlice, kBob, kCarol, kDave, kStranger };
enum Hop : uint32_t { kUnresolved = 0, kClientSide, kPeerSide };

// kV4, kV6: client, relayed and peer of one family. kV4ToV6: client IPv4, peer IPv6; kV6ToV4 its reverse.
// Alice and Bob are clients of this relay and each other's peers; Carol (IPv4) and Dave (IPv6) likewise, with
// IPv6 relayed addresses. The Stranger's peer is a relayed address that has no channel back.
World standard_world();

// A frame from the client or the peer of a binding as it arrives, with ttl 64.
Frame from_client(const World& world, uint32_t slot, const Octets& data, const Octets& padding = {});
Frame from_peer(const World& world, uint32_t slot, const Octets& data);
// And as it should leave: the other end, the next hop's MACs, ttl less `hops`, the rest as in `in`.
Frame to_peer(const World& world, uint32_t slot, const Frame& in, const Octets& data);
Frame to_client(const World& world, uint32_t slot, const Frame& in, const Octets& data, uint8_t hops = 1);

}  // namespace turnpike::bpf_test
