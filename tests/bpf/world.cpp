// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace turnpike::bpf_test {
namespace {

constexpr uint32_t kGeneration = 7;

tp_next_hop next_hop(uint32_t ifindex, Mac source, Mac destination) {
  tp_next_hop hop{};
  hop.generation = kGeneration;
  hop.ifindex = ifindex;
  hop.mtu = 1500;
  std::copy(source.begin(), source.end(), hop.source_mac);
  std::copy(destination.begin(), destination.end(), hop.destination_mac);
  return hop;
}

Frame leaving(const World& world, uint32_t hop, const Frame& in, const tp_endpoint& source,
              const tp_endpoint& destination, uint8_t hops) {
  Frame out = in;
  const tp_next_hop& next = world.next_hops.at(hop);
  std::copy_n(next.source_mac, 6, out.source_mac.begin());
  std::copy_n(next.destination_mac, 6, out.destination_mac.begin());
  out.source = from_abi(source);
  out.destination = from_abi(destination);
  out.ttl = static_cast<uint8_t>(in.ttl - hops);
  out.flow_label = 0;
  out.trailing.clear();
  if (in.udp_check != 0) out.udp_check.reset();
  return out;
}

}  // namespace

Endpoint at(const char* text) {
  auto endpoint = Endpoint::parse(text);
  if (!endpoint) std::abort();
  return *endpoint;
}

tp_endpoint to_abi(const Endpoint& endpoint) {
  tp_endpoint abi{};
  std::copy(endpoint.address.bytes().begin(), endpoint.address.bytes().end(), abi.address);
  abi.port = htons(endpoint.port);
  return abi;
}

Endpoint from_abi(const tp_endpoint& endpoint) {
  IpAddress::Storage bytes;
  std::copy_n(endpoint.address, 16, bytes.begin());
  return {IpAddress::v6(bytes), ntohs(endpoint.port)};
}

tp_flow_key flow_key(const Endpoint& remote, const Endpoint& local, uint16_t channel) {
  tp_flow_key key{};
  std::copy(remote.address.bytes().begin(), remote.address.bytes().end(), key.remote);
  std::copy(local.address.bytes().begin(), local.address.bytes().end(), key.local);
  key.remote_port = htons(remote.port);
  key.local_port = htons(local.port);
  key.channel = htons(channel);
  return key;
}

tp_binding& World::bind(uint32_t slot, uint16_t channel, const Endpoint& client, const Endpoint& server,
                        const Endpoint& relayed, const Endpoint& peer) {
  tp_binding binding{};
  binding.generation = kGeneration + slot;
  binding.channel_expires = binding.permission_expires = kNever;
  binding.allocation = slot;
  binding.client_next_hop = kClientSide;
  binding.peer_next_hop = kPeerSide;
  binding.channel = htons(channel);
  binding.client = to_abi(client);
  binding.server = to_abi(server);
  binding.relayed = to_abi(relayed);
  binding.peer = to_abi(peer);
  allocations[slot] = {kNever};
  flows.push_back({flow_key(client, server, channel), {slot, binding.generation}});
  flows.push_back({flow_key(peer, relayed, 0), {slot, binding.generation}});
  return bindings[slot] = binding;
}

void World::remove_flow(const tp_flow_key& key) {
  std::erase_if(flows, [&](const Flow& flow) { return std::memcmp(&flow.key, &key, sizeof(key)) == 0; });
}

World standard_world() {
  World world;
  world.next_hops[kClientSide] = next_hop(1, {0x02, 1, 1, 1, 1, 1}, {0x02, 1, 1, 1, 1, 2});
  world.next_hops[kPeerSide] = next_hop(1, {0x02, 2, 2, 2, 2, 1}, {0x02, 2, 2, 2, 2, 2});
  const Endpoint server4 = at("203.0.113.1:3478"), server6 = at("[2001:db8::1]:3478");
  world.bind(kV4, 0x4001, at("198.51.100.10:40000"), server4, at("203.0.113.1:50001"), at("192.0.2.20:6000"));
  world.bind(kV6, 0x4002, at("[2001:db8:1::10]:40000"), server6, at("[2001:db8::1]:50002"),
             at("[2001:db8:2::20]:6000"));
  world.bind(kV4ToV6, 0x4003, at("198.51.100.11:40000"), server4, at("[2001:db8::1]:50003"),
             at("[2001:db8:2::21]:6000"));
  world.bind(kV6ToV4, 0x4004, at("[2001:db8:1::11]:40000"), server6, at("203.0.113.1:50004"),
             at("192.0.2.21:6000"));
  const Endpoint alice = at("203.0.113.1:50005"), bob = at("203.0.113.1:50006");
  world.bind(kAlice, 0x4005, at("198.51.100.12:40000"), server4, alice, bob);
  world.bind(kBob, 0x4006, at("198.51.100.13:40000"), server4, bob, alice);
  const Endpoint carol = at("[2001:db8::1]:50007"), dave = at("[2001:db8::1]:50008");
  world.bind(kCarol, 0x4007, at("198.51.100.14:40000"), server4, carol, dave);
  world.bind(kDave, 0x4008, at("[2001:db8:1::14]:40000"), server6, dave, carol);
  world.bind(kStranger, 0x4009, at("198.51.100.15:40000"), server4, at("203.0.113.1:50009"), alice);
  for (uint32_t slot : {kAlice, kBob, kCarol, kDave, kStranger})
    world.bindings[slot].flags = TP_BINDING_PEER_IS_RELAYED;
  return world;
}

Frame from_client(const World& world, uint32_t slot, const Octets& data, const Octets& padding) {
  const tp_binding& binding = world.bindings.at(slot);
  Frame frame;
  frame.source = from_abi(binding.client);
  frame.destination = from_abi(binding.server);
  frame.payload = channel_data(ntohs(binding.channel), data, padding);
  return frame;
}

Frame from_peer(const World& world, uint32_t slot, const Octets& data) {
  const tp_binding& binding = world.bindings.at(slot);
  Frame frame;
  frame.source = from_abi(binding.peer);
  frame.destination = from_abi(binding.relayed);
  frame.payload = data;
  return frame;
}

Frame to_peer(const World& world, uint32_t slot, const Frame& in, const Octets& data) {
  const tp_binding& binding = world.bindings.at(slot);
  Frame out = leaving(world, binding.peer_next_hop, in, binding.relayed, binding.peer, 1);
  out.payload = data;
  return out;
}

Frame to_client(const World& world, uint32_t slot, const Frame& in, const Octets& data, uint8_t hops) {
  const tp_binding& binding = world.bindings.at(slot);
  Frame out = leaving(world, binding.client_next_hop, in, binding.server, binding.client, hops);
  out.payload = channel_data(ntohs(binding.channel), data);
  return out;
}

}  // namespace turnpike::bpf_test
