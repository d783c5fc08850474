// SPDX-License-Identifier: Apache-2.0
#include "fastpath/relay_control.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "fastpath/policing.h"
#include "util/canonical.h"

namespace turnpike::fastpath {
namespace {

constexpr SourceBudget kTooBigEvents{100, 100};  // all that one relay tells senders of paths
constexpr uint32_t kOwn = 1;

// What `budget` lets through at once, ticks.
uint64_t burst_of(const SourceBudget& budget) {
  return cost_of(budget.per_second) * budget.burst;
}

// Makes a small hash map say just what `entries` say, without taking away what stays.
template <class Key, class Value>
Result<void> write_all(const KernelMap& map, const std::vector<std::pair<Key, Value>>& entries,
                       const char* name) {
  for (const auto& [key, value] : entries)
    if (bpf_map_update_elem(map.fd, &key, &value, BPF_ANY) != 0)
      return fail_errno(
          errno, std::string("writing ") + name + " (room for " + std::to_string(map.max_entries) + ")");
  std::vector<Key> stale;
  Key key{};
  for (int more = bpf_map_get_next_key(map.fd, nullptr, &key); more == 0;
       more = bpf_map_get_next_key(map.fd, &key, &key))
    if (std::none_of(entries.begin(), entries.end(),
                     [&](const auto& each) { return std::memcmp(&each.first, &key, sizeof key) == 0; }))
      stale.push_back(key);
  for (const Key& each : stale)
    (void)bpf_map_delete_elem(map.fd, &each);
  return {};
}

tp_translation_key translation_of(const IpAddress& address, bool to_external) {
  tp_translation_key key{};
  std::copy(address.bytes().begin(), address.bytes().end(), key.address);
  key.to_external = to_external ? 1 : 0;
  return key;
}

}  // namespace

Result<RelayControl> RelayControl::create(const RelayProgram& program, const XdpOptions& options) {
  const RelayMaps& maps = program.maps();
  auto control = MappedArray<tp_control>::map(maps.control.fd, maps.control.max_entries);
  if (!control) return forward(control);
  std::vector<std::pair<IpAddress::Storage, uint32_t>> own;
  for (const auto* addresses : {&options.local_addresses, &options.relay_addresses})
    for (const IpAddress& address : *addresses)
      if (!address.is_unspecified()) own.emplace_back(address.bytes(), kOwn);
  if (auto written = write_all(maps.own_addresses, own, "own_addresses"); !written) return forward(written);
  std::vector<std::pair<tp_translation_key, IpAddress::Storage>> translations;
  for (const auto& [local, external] : options.translations) {
    translations.emplace_back(translation_of(local, true), external.bytes());
    translations.emplace_back(translation_of(external, false), local.bytes());
  }
  if (auto written = write_all(maps.translations, translations, "translations"); !written)
    return forward(written);
  RelayControl result(options, std::move(*control));
  store_shared(result.control_[0].translations, static_cast<__u32>(translations.size()));
  result.write_costs(options);
  return result;
}

RelayControl::RelayControl(const XdpOptions& options, MappedArray<tp_control> control)
    : control_(std::move(control)), wants_binding_(options.answer_binding) {
  ours_.insert(options.local_addresses.begin(), options.local_addresses.end());
  ours_.insert(options.relay_addresses.begin(), options.relay_addresses.end());
  for (const auto& [local, external] : options.translations)
    ours_.insert({local, external});
}

void RelayControl::write_costs(const XdpOptions& options) {
  tp_control& control = control_[0];
  store_shared(control.abi_version, __u32{TP_ABI_VERSION});
  store_shared(control.request_cost, __u64{cost_of(options.requests.per_second)});
  store_shared(control.request_burst, __u64{burst_of(options.requests)});
  const SourceBudget bindings{std::max(1u, options.bindings.per_second), options.bindings.burst};
  store_shared(control.binding_cost, __u64{cost_of(bindings.per_second)});
  store_shared(control.binding_burst, __u64{burst_of(bindings)});
  store_shared(control.too_big_cost, __u64{cost_of(kTooBigEvents.per_second)});
  store_shared(control.too_big_burst, __u64{burst_of(kTooBigEvents)});
  store_shared(control.flags, __u32{0});
  store_shared(control.trace, __u64{0});
}

void RelayControl::answer_binding(bool safe) {
  store_shared(control_[0].flags, wants_binding_ && safe ? __u32{TP_CONTROL_ANSWER_BINDING} : __u32{0});
}

bool RelayControl::is_ours(const IpAddress& address) const {
  const Readings all = readings(address);
  return std::any_of(all.begin(), all.end(), [&](const IpAddress& each) { return ours_.contains(each); });
}

uint64_t RelayControl::trace(AllocationId id, uint32_t packets_per_second) {
  tp_control& control = control_[0];
  if (id.value != 0 && load_shared(control.trace) != id.value) {
    store_shared(control.trace, __u64{0});
    store_shared(control.trace_at, __u64{0});
    store_shared(control.trace_lost, __u64{0});
  }
  const SourceBudget budget{std::max(1u, packets_per_second), std::max(1u, packets_per_second)};
  store_shared(control.trace_cost, __u64{cost_of(budget.per_second)});
  store_shared(control.trace_burst, __u64{burst_of(budget)});
  store_shared(control.trace, __u64{id.value});
  return load_shared(control.trace_lost);
}

}  // namespace turnpike::fastpath
