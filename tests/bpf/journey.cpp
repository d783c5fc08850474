// SPDX-License-Identifier: Apache-2.0
#include "journey.h"

#include <arpa/inet.h>

#include <cstring>

namespace turnpike::bpf_test {
namespace {

// Which packet a flow was looked up for.
struct Probe {
  Endpoint remote, local;
  uint16_t channel = 0;
};

bool is_for(const tp_binding& binding, const Probe& probe) {
  const Endpoint client = from_abi(binding.client), server = from_abi(binding.server);
  const Endpoint relayed = from_abi(binding.relayed), peer = from_abi(binding.peer);
  const bool from_client = client == probe.remote && server == probe.local;
  const bool from_peer = peer == probe.remote && relayed == probe.local;
  if (probe.channel != 0)
    return binding.kind == TP_BINDING_CHANNEL && ntohs(binding.channel) == probe.channel && from_client;
  if (probe.remote.port == 0) return binding.kind == TP_BINDING_PERMISSION && from_peer;
  return binding.kind == TP_BINDING_CHANNEL ? from_peer : binding.kind == TP_BINDING_CLIENT && from_client;
}

// The binding that `flow`, found by `probe`, means.
tp_reason follow(const World& world, const tp_flow& flow, const Probe& probe, const tp_binding*& binding) {
  const auto slot = world.bindings.find(flow.binding);
  if (slot == world.bindings.end() || slot->second.generation == 0 ||
      slot->second.generation != flow.generation)
    return TP_PASS_STALE;
  binding = &slot->second;
  if (!is_for(*binding, probe)) return TP_PASS_STALE;
  if (binding->channel_expires <= kPast) return TP_PASS_CHANNEL_EXPIRED;
  if (binding->permission_expires <= kPast) return TP_PASS_PERMISSION_EXPIRED;
  const auto allocation = world.allocations.find(binding->allocation);
  if (allocation == world.allocations.end() || allocation->second.expires <= kPast)
    return TP_PASS_ALLOCATION_EXPIRED;
  return kNoReason;
}

Endpoint to_local(const World& world, Endpoint named) {
  for (const auto& [local, external] : world.translations)
    if (world.control.translations != 0 && named.address == external) return {local, named.port};
  return named;
}

Endpoint to_external(const World& world, Endpoint inside) {
  for (const auto& [local, external] : world.translations)
    if (world.control.translations != 0 && inside.address == local) return {external, inside.port};
  return inside;
}

void go_to_client(const World& world, const tp_binding& binding, const Endpoint& peer, Journey& journey) {
  journey.source = from_abi(binding.server);
  journey.destination = from_abi(binding.client);
  journey.next_hop = binding.client_next_hop;
  journey.channel = ntohs(binding.channel);
  if (binding.kind == TP_BINDING_PERMISSION) journey.named = to_external(world, peer);
  journey.charges.push_back({binding.allocation, TP_TO_CLIENT});
}

// A datagram from `remote` at a relayed address; `none` when no binding wants it.
tp_reason from_peer(const World& world, const Endpoint& remote, const Endpoint& local, tp_reason none,
                    Journey& journey) {
  Probe probe{remote, local};
  const tp_flow* flow = find_flow(world, remote, local, 0);
  if (!flow) {
    probe.remote = any_port(remote);
    flow = find_flow(world, probe.remote, local, 0);
  }
  if (!flow) return none;
  const tp_binding* binding = nullptr;
  const tp_reason reason = follow(world, *flow, probe, binding);
  if (!journey.first) journey.first = binding;
  if (reason == kNoReason) go_to_client(world, *binding, remote, journey);
  return reason;
}

tp_reason to_peer(const World& world, const tp_binding& binding, const Endpoint& peer, tp_reason relayed,
                  Journey& journey) {
  const Endpoint here = from_abi(binding.relayed);
  journey.charges = {{binding.allocation, TP_TO_PEER}};
  if (binding.flags & TP_BINDING_PEER_IS_RELAYED) {
    journey.hops = 2;
    journey.relayed = TP_RELAYED_HAIRPIN;
    return from_peer(world, here, peer, TP_PASS_HAIRPIN, journey);
  }
  journey.source = here;
  journey.destination = peer;
  journey.next_hop = binding.peer_next_hop;
  journey.relayed = relayed;
  return kNoReason;
}

tp_reason relay_channel_data(const World& world, const Frame& in, const tp_flow& flow, uint16_t channel,
                             Journey& journey) {
  const size_t length = in.payload[2] * 256u + in.payload[3], present = in.payload.size() - 4;
  if (length > present || present > length + 3) return TP_PASS_CHANNEL_LENGTH;
  journey.span = present;
  journey.data.assign(in.payload.begin() + 4, in.payload.begin() + 4 + static_cast<ptrdiff_t>(length));
  const tp_binding* binding = nullptr;
  const tp_reason reason = follow(world, flow, {in.source, in.destination, channel}, binding);
  journey.first = binding;
  if (reason != kNoReason) return reason;
  return to_peer(world, *binding, from_abi(binding->peer), TP_RELAYED_TO_PEER, journey);
}

tp_reason relay_send(const World& world, const Frame& in, const tp_binding& client, Journey& journey) {
  const auto send = read_send(in.payload);
  if (!send) return TP_PASS_INDICATION;
  journey.data = send->data;
  journey.span = padded(send->data.size());
  journey.send = true;
  const Endpoint peer = to_local(world, send->peer), relayed = from_abi(client.relayed);
  const tp_flow* flow = find_flow(world, any_port(peer), relayed, 0);
  if (!flow) return TP_PASS_NO_PERMISSION;
  const tp_binding* permission = nullptr;
  const tp_reason reason = follow(world, *flow, {any_port(peer), relayed}, permission);
  if (reason != kNoReason) return reason;
  if (permission->allocation != client.allocation) return TP_PASS_NO_PERMISSION;
  return to_peer(world, *permission, peer, TP_RELAYED_SEND, journey);
}

// STUN of a known client: the relay's own, but for Send indications.
tp_reason from_known_client(const World& world, const Frame& in, const tp_binding& client, Journey& journey) {
  if (!is_stun(in.payload)) return TP_PASS_NO_FLOW;
  return stun_type(in.payload) == kSendIndication ? relay_send(world, in, client, journey) : TP_PASS_STUN;
}

}  // namespace

Octets Journey::payload(const TransactionId& id) const {
  if (channel != 0) return channel_data(channel, data);
  return named ? data_indication(*named, data, id) : data;
}

const tp_flow* find_flow(const World& world, const Endpoint& remote, const Endpoint& local,
                         uint16_t channel) {
  const tp_flow_key key = flow_key(remote, local, channel);
  for (const World::Flow& flow : world.flows)
    if (std::memcmp(&flow.key, &key, sizeof(key)) == 0) return &flow.value;
  return nullptr;
}

tp_reason find_journey(const World& world, const Frame& in, Journey& journey) {
  if (in.payload.size() >= 4 && in.payload[0] >> 6 == 1) {
    const uint16_t channel = stun_type(in.payload);
    const tp_flow* flow = find_flow(world, in.source, in.destination, channel);
    if (flow) return relay_channel_data(world, in, *flow, channel, journey);
  }
  journey.data = in.payload;
  journey.span = in.payload.size();
  if (const tp_flow* flow = find_flow(world, in.source, in.destination, 0)) {
    const tp_binding* binding = nullptr;
    const tp_reason reason = follow(world, *flow, {in.source, in.destination}, binding);
    journey.first = binding;
    if (reason != kNoReason) return reason;
    if (binding->kind == TP_BINDING_CLIENT) return from_known_client(world, in, *binding, journey);
  }
  return from_peer(world, in.source, in.destination, is_stun(in.payload) ? TP_PASS_STUN : TP_PASS_NO_FLOW,
                   journey);
}

}  // namespace turnpike::bpf_test
