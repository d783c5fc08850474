// SPDX-License-Identifier: Apache-2.0
#include "fastpath/binding_table.h"

#include <bpf/bpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fastpath/abi_endpoint.h"
#include "fastpath/map_entries.h"

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

bool same(const tp_endpoint& one, const tp_endpoint& other) {
  return std::memcmp(&one, &other, sizeof one) == 0;
}

// In all that its packets depend on but expiries and next hops, which change in place.
bool same_packets(const tp_binding& one, const tp_binding& other) {
  return one.kind == other.kind && one.flags == other.flags && one.channel == other.channel &&
         one.allocation == other.allocation && same(one.client, other.client) &&
         same(one.server, other.server) && same(one.relayed, other.relayed) && same(one.peer, other.peer);
}

}  // namespace

bool BindingTable::Less::operator()(const tp_flow_key& one, const tp_flow_key& other) const {
  return std::memcmp(&one, &other, sizeof one) < 0;
}

BindingTable::Flows BindingTable::flows_of(const tp_binding& binding) {
  const tp_flow_key from_client = key_of(binding.client, binding.server, binding.channel);
  const tp_flow_key from_peer = key_of(binding.peer, binding.relayed, 0);
  if (binding.kind == TP_BINDING_CHANNEL) return {{from_client, from_peer}, 2};
  if (binding.kind == TP_BINDING_PERMISSION) return {{from_peer}, 1};
  return {{from_client}, 1};
}

Result<BindingTable> BindingTable::create(const RelayProgram& program) {
  const KernelMap& map = program.maps().bindings;
  auto slots = MappedArray<tp_binding>::map(map.fd, map.max_entries);
  if (!slots) return forward(slots);
  BindingTable table(program, std::move(*slots));
  if (program.taken_over())
    if (auto found = table.find_earlier(); !found) return forward(found);
  return table;
}

BindingTable::BindingTable(const RelayProgram& program, MappedArray<tp_binding> slots)
    : program_(&program), slots_(std::move(slots)), pool_(0, slots_.size()) {}

Result<void> BindingTable::find_earlier() {
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const tp_binding& entry = slots_[slot];
    if (entry.generation == 0) {  // free, or its process died while it wrote
      pool_.remember(slot, entry.last_generation);
      continue;
    }
    pool_.adopt(slot, entry.generation);
    earlier_.emplace(flows_of(entry).keys[0], slot);
  }
  const auto flows = read_all<tp_flow_key, tp_flow>(program_->maps().flows.fd);
  if (!flows) return forward(flows);
  flows_ = flows->size();
  return {};
}

std::optional<uint32_t> BindingTable::adopt(const tp_binding& wanted) {
  const auto [first, last] = earlier_.equal_range(flows_of(wanted).keys[0]);
  const auto found =
      std::find_if(first, last, [&](const auto& each) { return same_packets(slots_[each.second], wanted); });
  if (found == last) return std::nullopt;
  const uint32_t slot = found->second;
  earlier_.erase(found);
  return slot;
}

Result<uint32_t> BindingTable::enter(const tp_binding& wanted, MonotonicTime now) {
  const auto adopted = adopt(wanted);
  if (!adopted) return publish(wanted, now);
  if (auto written = write_flows(*adopted, now); !written) {
    leave(*adopted, now);
    return forward(written);
  }
  set_expiries(*adopted, wanted.channel_expires, wanted.permission_expires);
  return *adopted;
}

Result<uint32_t> BindingTable::publish(tp_binding entry, MonotonicTime now) {
  const auto slot = pool_.take(now);
  if (!slot) {
    ++refused_;
    return fail(ErrorCode::kExhausted,
                "the table of bindings is full (" + std::to_string(pool_.size()) + ")");
  }
  entry.generation = pool_.new_generation(*slot);
  entry.last_generation = entry.generation;
  slots_.publish(*slot, entry);
  if (auto written = write_flows(*slot, now); !written) {
    leave(*slot, now);
    return forward(written);
  }
  return *slot;
}

Result<void> BindingTable::write_flows(uint32_t slot, MonotonicTime now) {
  const Flows flows = flows_of(slots_[slot]);
  for (const tp_flow_key& key : flows.all())
    if (auto written = write_flow(key, {slot, slots_[slot].generation}, now); !written) return written;
  return {};
}

Result<void> BindingTable::write_flow(const tp_flow_key& key, const tp_flow& ours, MonotonicTime now) {
  const int map = program_->maps().flows.fd;
  int error_number = bpf_map_update_elem(map, &key, &ours, BPF_NOEXIST) == 0 ? 0 : errno;
  if (error_number == EEXIST) {
    const auto there = read_flow(key);
    if (there && there->binding == ours.binding && there->generation == ours.generation) return {};
    if (!clear_flow(key, now))
      return fail(ErrorCode::kInUse, key.channel != 0 ? "another binding has this client and channel"
                                                      : "another binding has these addresses and ports");
    error_number = bpf_map_update_elem(map, &key, &ours, BPF_NOEXIST) == 0 ? 0 : errno;
  }
  if (error_number == 0) {
    ++flows_;
    return {};
  }
  if (error_number != E2BIG && error_number != ENOMEM)
    return fail_errno(error_number, "writing a flow entry");
  ++refused_flows_;
  return fail(ErrorCode::kExhausted,
              "the table of flows is full (" + std::to_string(program_->maps().flows.max_entries) + ")");
}

bool BindingTable::clear_flow(const tp_flow_key& key, MonotonicTime now) {
  const auto there = read_flow(key);
  if (!there) return true;
  if (!is_live(key, *there)) {
    erase_flow(key, there->binding);
    return true;
  }
  const auto [first, last] = earlier_.equal_range(flows_of(slots_[there->binding]).keys[0]);
  const auto owner =
      std::find_if(first, last, [&](const auto& each) { return each.second == there->binding; });
  if (owner == last) return false;
  earlier_.erase(owner);
  leave(there->binding, now);
  return true;
}

void BindingTable::leave(uint32_t slot, MonotonicTime now) {
  const Flows flows = flows_of(slots_[slot]);
  for (const tp_flow_key& key : flows.all())
    erase_flow(key, slot);
  slots_.unpublish(slot);
  pool_.give_back(slot, now);
}

void BindingTable::erase_flow(const tp_flow_key& key, uint32_t slot) {
  const auto there = read_flow(key);
  if (!there || there->binding != slot) return;
  if (bpf_map_delete_elem(program_->maps().flows.fd, &key) == 0) --flows_;
}

std::optional<tp_flow> BindingTable::read_flow(const tp_flow_key& key) const {
  tp_flow flow{};
  if (bpf_map_lookup_elem(program_->maps().flows.fd, &key, &flow) != 0) return std::nullopt;
  return flow;
}

bool BindingTable::is_live(const tp_flow_key& key, const tp_flow& flow) const {
  if (flow.binding >= slots_.size()) return false;
  const tp_binding& entry = slots_[flow.binding];
  if (entry.generation == 0 || entry.generation != flow.generation) return false;
  const Flows flows = flows_of(entry);
  return std::any_of(flows.all().begin(), flows.all().end(),
                     [&](const tp_flow_key& each) { return std::memcmp(&each, &key, sizeof key) == 0; });
}

size_t BindingTable::finish_takeover(MonotonicTime now) {
  const size_t ended = earlier_.size();
  for (const auto& [key, slot] : earlier_)
    leave(slot, now);
  earlier_.clear();
  const auto flows = read_all<tp_flow_key, tp_flow>(program_->maps().flows.fd);
  if (!flows) {
    spdlog::error("flow entries of an earlier process may be left: {}", flows.error().message);
    return ended;
  }
  flows_ = flows->size();
  for (const auto& [key, flow] : *flows)
    if (!is_live(key, flow)) erase_flow(key, flow.binding);
  return ended;
}

void BindingTable::set_expiries(uint32_t slot, uint64_t channel, uint64_t permission) {
  store_shared(slots_[slot].channel_expires, __u64{channel});
  store_shared(slots_[slot].permission_expires, __u64{permission});
}

void BindingTable::set_next_hop(uint32_t slot, End end, uint32_t next_hop) {
  tp_binding& entry = slots_[slot];
  store_shared(end == End::kClient ? entry.client_next_hop : entry.peer_next_hop, next_hop);
}

bool BindingTable::has_peer_flow(const Endpoint& remote, const Endpoint& local) const {
  return read_flow(key_of(to_abi(remote), to_abi(local), 0)).has_value() ||
         read_flow(key_of(to_abi({remote.address, 0}), to_abi(local), 0)).has_value();
}

TableUse BindingTable::flow_use() const {
  return {"flows", flows_, program_->maps().flows.max_entries, refused_flows_};
}

}  // namespace turnpike::fastpath
