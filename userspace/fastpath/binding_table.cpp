// SPDX-License-Identifier: Apache-2.0
#include "fastpath/binding_table.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace turnpike::fastpath {
namespace {

tp_flow_key key_of(const tp_endpoint& remote, const tp_endpoint& local, __be16 channel) {
  tp_flow_key key{};
  std::memcpy(key.remote, remote.address, sizeof key.remote);
  std::memcpy(key.local, local.address, sizeof key.local);
  key.remote_port = remote.port;
  key.local_port = local.port;
  key.channel = channel;
  return key;
}

std::array<tp_flow_key, 2> flows_of(const tp_binding& binding) {
  return {key_of(binding.client, binding.server, binding.channel), key_of(binding.peer, binding.relayed, 0)};
}

}  // namespace

tp_endpoint to_abi(const Endpoint& endpoint) {
  tp_endpoint abi{};
  std::copy(endpoint.address.bytes().begin(), endpoint.address.bytes().end(), abi.address);
  abi.port = htons(endpoint.port);
  return abi;
}

Result<BindingTable> BindingTable::create(const RelayProgram& program, uint32_t count) {
  auto slots = MappedArray<tp_binding>::map(program.bindings(), count);
  if (!slots) return forward(slots);
  return BindingTable(program, std::move(*slots), count);
}

BindingTable::BindingTable(const RelayProgram& program, MappedArray<tp_binding> slots, uint32_t count)
    : program_(&program),
      slots_(std::move(slots)),
      pool_(0, count),
      count_(count),
      cpus_(static_cast<unsigned>(libbpf_num_possible_cpus())) {}

Result<uint32_t> BindingTable::take(MonotonicTime now) {
  const auto slot = pool_.take(now);
  if (!slot)
    return fail(ErrorCode::kExhausted, "the table of bindings is full (" + std::to_string(count_) + ")");
  const std::vector<tp_binding_counters> zeros(cpus_);
  (void)bpf_map_update_elem(program_->binding_counters(), &*slot, zeros.data(), BPF_ANY);
  return *slot;
}

Result<void> BindingTable::publish(uint32_t slot, tp_binding entry) {
  entry.generation = pool_.new_generation(slot);
  slots_.publish(slot, entry);
  const tp_flow flow{slot, entry.generation};
  const auto keys = flows_of(entry);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (bpf_map_update_elem(program_->flows(), &keys[i], &flow, BPF_NOEXIST) == 0) continue;
    const int error_number = errno;
    for (size_t written = 0; written < i; ++written)
      (void)bpf_map_delete_elem(program_->flows(), &keys[written]);
    slots_.unpublish(slot);
    if (error_number == E2BIG || error_number == ENOMEM)
      return fail(ErrorCode::kExhausted, "the table of flows is full");
    return fail_errno(error_number, i == 0 ? "another binding has this client and channel"
                                           : "another binding has this peer and relayed address");
  }
  return {};
}

void BindingTable::withdraw(uint32_t slot) {
  for (const tp_flow_key& key : flows_of(slots_[slot]))
    (void)bpf_map_delete_elem(program_->flows(), &key);
  slots_.unpublish(slot);
}

void BindingTable::set_expiries(uint32_t slot, const Binding& binding) {
  store_shared(slots_[slot].channel_expires, __u64{kernel_nanoseconds(binding.channel_expires)});
  store_shared(slots_[slot].permission_expires, __u64{kernel_nanoseconds(binding.permission_expires)});
}

void BindingTable::set_next_hop(uint32_t slot, End end, uint32_t next_hop) {
  tp_binding& entry = slots_[slot];
  store_shared(end == End::kClient ? entry.client_next_hop : entry.peer_next_hop, next_hop);
}

FlowCounters BindingTable::counters(uint32_t slot) const {
  std::vector<tp_binding_counters> each(cpus_);
  FlowCounters sum;
  if (bpf_map_lookup_elem(program_->binding_counters(), &slot, each.data()) != 0) return sum;
  for (const tp_binding_counters& cpu : each) {
    sum.to_peer_packets += cpu.to_peer.packets;
    sum.to_peer_bytes += cpu.to_peer.bytes;
    sum.to_client_packets += cpu.to_client.packets;
    sum.to_client_bytes += cpu.to_client.bytes;
  }
  return sum;
}

bool BindingTable::has_peer_flow(const Endpoint& remote, const Endpoint& local) const {
  const tp_flow_key key = key_of(to_abi(remote), to_abi(local), 0);
  tp_flow flow{};
  return bpf_map_lookup_elem(program_->flows(), &key, &flow) == 0;
}

}  // namespace turnpike::fastpath
