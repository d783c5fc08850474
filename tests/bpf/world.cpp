// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "stun_bytes.h"

namespace turnpike::bpf_test {
namespace {

constexpr uint32_t kGeneration = 7;

tp_next_hop next_hop(Mac source, Mac destination) {
  tp_next_hop hop{};
  hop.generation = kGeneration;
  hop.ifindex = kIngress;
  hop.mtu = 1500;
  std::copy(source.begin(), source.end(), hop.source_mac);
  std::copy(destination.begin(), destination.end(), hop.destination_mac);
  return hop;
}

tp_endpoint any_port(tp_endpoint endpoint) {
  endpoint.port = 0;
  return endpoint;
}

}  // namespace

Endpoint at(const char* text) {
  auto endpoint = Endpoint::parse(text);
  if (!endpoint) std::abort();
  return *endpoint;
}

IpAddress address_of(const char* text) {
  auto address = IpAddress::parse(text);
  if (!address) std::abort();
  return *address;
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

tp_vlan_key vlan_key(const std::vector<Tag>& tags) {
  tp_vlan_key key{};
  key.ifindex = kIngress;
  for (size_t i = 0; i < tags.size(); ++i) {
    key.protocol[i] = htons(tags[i].protocol);
    key.id[i] = htons(tags[i].control & 0x0fff);
  }
  return key;
}

IpAddress budget_source(const IpAddress& source) {
  IpAddress::Storage bytes = source.bytes();
  if (!source.is_v4()) std::fill(bytes.begin() + 8, bytes.end(), 0);
  return IpAddress::v6(bytes);
}

tp_binding& World::bind(uint32_t slot, uint16_t channel, const Endpoint& client, const Endpoint& server,
                        const Endpoint& relayed, const Endpoint& peer) {
  const auto add = [&](uint32_t at, const tp_binding& binding, const tp_flow_key& key) {
    bindings[at] = binding;
    flows.push_back({key, {at, binding.generation}});
  };
  tp_binding binding{};
  binding.generation = kGeneration + slot;
  binding.channel_expires = binding.permission_expires = kNever;
  binding.allocation = slot;
  binding.client = to_abi(client);
  binding.server = to_abi(server);
  binding.relayed = to_abi(relayed);
  binding.kind = TP_BINDING_CLIENT;
  add(client_slot(slot), binding, flow_key(client, server, 0));
  binding.client_next_hop = kClientSide;
  binding.peer_next_hop = kPeerSide;
  binding.kind = TP_BINDING_PERMISSION;
  binding.peer = any_port(to_abi(peer));
  add(permission_slot(slot), binding, flow_key({peer.address, 0}, relayed, 0));
  binding.kind = TP_BINDING_CHANNEL;
  binding.peer = to_abi(peer);
  binding.channel = htons(channel);
  add(slot, binding, flow_key(client, server, channel));
  flows.push_back({flow_key(peer, relayed, 0), {slot, binding.generation}});
  tp_allocation allocation{};
  allocation.id = 1000 + slot;
  allocation.expires = kNever;
  allocations[slot] = allocation;
  steer[server] = TP_STEER_LISTENING;
  steer[relayed] = TP_STEER_RELAY;
  return bindings[slot];
}

void World::remove_flow(const tp_flow_key& key) {
  std::erase_if(flows, [&](const Flow& flow) { return std::memcmp(&flow.key, &key, sizeof(key)) == 0; });
}

void World::remove_peer_flow(uint32_t slot) {
  const tp_binding& binding = bindings.at(slot);
  remove_flow(flow_key(from_abi(binding.peer), from_abi(binding.relayed), 0));
}

void World::remove_permission_flow(uint32_t slot) {
  remove_peer_flow(permission_slot(slot));
}

void World::mark_hairpin(uint32_t slot) {
  bindings[slot].flags = bindings[permission_slot(slot)].flags = TP_BINDING_PEER_IS_RELAYED;
}

void World::add_vlan(const std::vector<Tag>& tags) {
  vlans.push_back({vlan_key(tags), 77});
}

void World::translate(const char* local, const char* external) {
  translations.emplace_back(address_of(local), address_of(external));
  control.translations = static_cast<uint32_t>(2 * translations.size());
}

void World::block(const char* address, uint32_t length, uint64_t expires) {
  const IpAddress first = address_of(address);
  Block block{{first.is_v4() ? 96 + length : length, {}}, {expires}};
  std::copy(first.bytes().begin(), first.bytes().end(), block.prefix.address);
  blocked.push_back(block);
  control.blocked = static_cast<uint32_t>(blocked.size());
}

tp_budget& World::budget(const IpAddress& source) {
  return budgets[budget_source(source)];
}

World standard_world() {
  World world;
  world.control.abi_version = TP_ABI_VERSION;
  world.control.binding_cost = world.control.too_big_cost = 1;
  world.control.binding_burst = world.control.too_big_burst = uint64_t{1} << 40;
  world.users[0] = {};
  world.next_hops[kClientSide] = next_hop({0x02, 1, 1, 1, 1, 1}, {0x02, 1, 1, 1, 1, 2});
  world.next_hops[kPeerSide] = next_hop({0x02, 2, 2, 2, 2, 1}, {0x02, 2, 2, 2, 2, 2});
  const Endpoint server4 = at("203.0.113.1:3478"), server6 = at("[2001:db8::1]:3478");
  world.own_addresses = {server4.address, server6.address};
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
  const Endpoint erin = at("[2001:db8::1]:50009"), frank = at("[2001:db8::1]:50010");
  world.bind(kErin, 0x4009, at("[2001:db8:1::15]:40000"), server6, erin, frank);
  world.bind(kFrank, 0x400a, at("[2001:db8:1::16]:40000"), server6, frank, erin);
  world.bind(kStranger, 0x400b, at("198.51.100.15:40000"), server4, at("203.0.113.1:50011"), alice);
  for (uint32_t slot = kAlice; slot <= kStranger; ++slot)
    world.mark_hairpin(slot);
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

Frame send_from_client(const World& world, uint32_t slot, const Octets& data, uint8_t padding) {
  Frame frame = from_client(world, slot, data);
  Endpoint peer = from_abi(world.bindings.at(slot).peer);
  for (const auto& [local, external] : world.translations)
    if (peer.address == local) peer.address = external;
  frame.payload = send_indication(peer, data, padding);
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

Frame from_permitted(const World& world, uint32_t slot, const Octets& data) {
  Frame frame = from_peer(world, slot, data);
  frame.source.port ^= 0x0101;
  return frame;
}

}  // namespace turnpike::bpf_test
