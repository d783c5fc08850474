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
inline constexpr uint64_t kFarAhead = uint64_t{1}
                                      << 62;  // when a bucket that is overdrawn will be full again
inline constexpr uint32_t kSlots = 128;       // of every array
inline constexpr uint32_t kIngress = 1;       // ifindex that a test run gives to its packets

struct World {
  struct Flow {
    tp_flow_key key;
    tp_flow value;
  };
  struct Vlan {
    tp_vlan_key key;
    uint32_t ifindex;
  };
  struct Block {
    tp_prefix prefix;
    tp_block value;
  };
  std::map<uint32_t, tp_binding> bindings;
  std::map<uint32_t, tp_allocation> allocations;
  std::map<uint32_t, tp_user> users;
  std::map<uint32_t, tp_next_hop> next_hops;
  std::vector<Flow> flows;
  tp_control control{};
  std::vector<Vlan> vlans;
  std::vector<std::pair<IpAddress, IpAddress>> translations;  // local, external
  std::vector<Block> blocked;
  std::map<IpAddress, tp_budget> budgets;  // by source, an IPv6 one with its last eight bytes zero
  std::vector<IpAddress> own_addresses;
  std::map<Endpoint, tp_steer_kind> steer;

  // An allocation in `slot`: its client's binding, a permission for `peer`'s address and a channel for
  // `peer`, each with its flows. Nothing of it has expired, nothing is limited. Gives the channel's binding.
  tp_binding& bind(uint32_t slot, uint16_t channel, const Endpoint& client, const Endpoint& server,
                   const Endpoint& relayed, const Endpoint& peer);
  void remove_flow(const tp_flow_key& key);
  // From the channel's peer: what comes then is the permission's.
  void remove_peer_flow(uint32_t slot);
  void remove_permission_flow(uint32_t slot);
  void mark_hairpin(uint32_t slot);  // the peer is one of our relayed addresses
  void add_vlan(const std::vector<Tag>& tags);
  void translate(const char* local, const char* external);
  void block(const char* address, uint32_t length, uint64_t expires);
  tp_budget& budget(const IpAddress& source);
};

tp_endpoint to_abi(const Endpoint& endpoint);
Endpoint from_abi(const tp_endpoint& endpoint);
tp_flow_key flow_key(const Endpoint& remote, const Endpoint& local, uint16_t channel);
tp_vlan_key vlan_key(const std::vector<Tag>& tags);
Endpoint at(const char* text);           // Endpoint::parse of a text that is right
IpAddress address_of(const char* text);  // likewise
IpAddress budget_source(const IpAddress& source);

// Allocations; each has its channel's binding in the slot of the same number.
enum Slot : uint32_t {
  kV4 = 1,
  kV6,
  kV4ToV6,
  kV6ToV4,
  kAlice,
  kBob,
  kCarol,
  kDave,
  kErin,
  kFrank,
  kStranger
};
constexpr uint32_t client_slot(uint32_t slot) {
  return slot + 40;
}
constexpr uint32_t permission_slot(uint32_t slot) {
  return slot + 80;
}
enum Hop : uint32_t { kUnresolved = 0, kClientSide, kPeerSide };

// kV4, kV6: client, relayed and peer of one family. kV4ToV6: client IPv4, peer IPv6; kV6ToV4 its reverse.
// Alice and Bob (IPv4), Carol (IPv4) and Dave (IPv6), Erin and Frank (IPv6) are clients of this relay and
// each other's peers; all but the first two have IPv6 relayed addresses. The Stranger's peer is Alice, who
// has no channel back. Channel numbers are 0x4000 + slot, ids of allocations 1000 + slot.
World standard_world();

// Frames as they arrive from the client or the peer of a binding, with ttl 64.
Frame from_client(const World& world, uint32_t slot, const Octets& data, const Octets& padding = {});
Frame send_from_client(const World& world, uint32_t slot, const Octets& data, uint8_t padding = 0);
Frame from_peer(const World& world, uint32_t slot, const Octets& data);
// From another port of the peer's address, for which there is no channel.
Frame from_permitted(const World& world, uint32_t slot, const Octets& data);

}  // namespace turnpike::bpf_test
