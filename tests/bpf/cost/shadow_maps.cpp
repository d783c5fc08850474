// SPDX-License-Identifier: Apache-2.0
#include "shadow_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../expect_outcome.h"

namespace turnpike::bpf_test {
namespace {

bool is_per_cpu(uint32_t type) {
  return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
         type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

size_t rounded_to_words(size_t size) {
  return (size + 7) / 8 * 8;
}

uint64_t word_at(const uint8_t* bytes, size_t offset, size_t size) {
  uint64_t word = 0;
  std::memcpy(&word, bytes + offset, std::min<size_t>(8, size - offset));
  return word;
}

// Not long ago, in nanoseconds or in ticks.
bool is_time(uint64_t word) {
  const uint64_t now = monotonic_now(), earlier = now - std::min<uint64_t>(now / 2, 60'000'000'000);
  return (word >= earlier && word <= now) ||
         (word >> TP_TICK_SHIFT >= earlier && word >> TP_TICK_SHIFT <= now);
}

bool same_but_for_times(const uint8_t* ours, const uint8_t* kernels, size_t size) {
  for (size_t offset = 0; offset < size; offset += 8) {
    const uint64_t our = word_at(ours, offset, size), its = word_at(kernels, offset, size);
    if (our != its && !(is_time(our) && is_time(its))) return false;
  }
  return true;
}

}  // namespace

ShadowMaps::ShadowMaps(const bpf_object& object) {
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, &object)
      maps_[bpf_map__fd(map)] = {bpf_map__name(map), static_cast<uint32_t>(bpf_map__type(map)),
                                 bpf_map__key_size(map), bpf_map__value_size(map)};
}

void ShadowMaps::forget() {
  values_.clear();
  memory_.clear();
  erased_.clear();
}

// Of a per-CPU map the value of this CPU, which the caller has pinned itself to.
Octets ShadowMaps::read(int map, const void* key) const {
  const Map& about = maps_.at(map);
  const bool per_cpu = is_per_cpu(about.type);
  const size_t stride = per_cpu ? rounded_to_words(about.value_size) : about.value_size;
  Octets values(stride * (per_cpu ? static_cast<size_t>(libbpf_num_possible_cpus()) : 1));
  if (bpf_map_lookup_elem(map, key, values.data()) != 0) return {};
  const auto begin = values.begin() + static_cast<ptrdiff_t>(per_cpu ? stride * sched_getcpu() : 0);
  return {begin, begin + static_cast<ptrdiff_t>(about.value_size)};
}

void ShadowMaps::store(Value& value, int map, const uint8_t* bytes) {
  const size_t size = value_size(map);
  if (!value.now) {
    value.now = std::make_unique<uint64_t[]>(rounded_to_words(size) / 8);
    const auto begin = reinterpret_cast<uint64_t>(value.now.get());
    memory_[begin] = begin + size;
  }
  std::memcpy(value.now.get(), bytes, size);
}

ShadowMaps::Value& ShadowMaps::shadow(int map, const void* key) {
  const auto* bytes = static_cast<const uint8_t*>(key);
  auto [at, added] = values_.try_emplace({map, Octets(bytes, bytes + key_size(map))});
  if (!added) return at->second;
  at->second.before = read(map, key);
  if (!at->second.before.empty()) store(at->second, map, at->second.before.data());
  return at->second;
}

uint8_t* ShadowMaps::find(int map, const void* key) {
  return reinterpret_cast<uint8_t*>(shadow(map, key).now.get());
}

int64_t ShadowMaps::update(int map, const void* key, const void* value, uint64_t flags) {
  Value& shadowed = shadow(map, key);
  if (flags == BPF_NOEXIST && shadowed.now) return -EEXIST;
  if (flags == BPF_EXIST && !shadowed.now) return -ENOENT;
  store(shadowed, map, static_cast<const uint8_t*>(value));
  return 0;
}

int64_t ShadowMaps::erase(int map, const void* key) {
  Value& shadowed = shadow(map, key);
  if (!shadowed.now) return -ENOENT;
  erased_.push_back(std::move(shadowed.now));
  return 0;
}

bool ShadowMaps::contains(uint64_t address, uint64_t size) const {
  auto after = memory_.upper_bound(address);
  if (after == memory_.begin()) return false;
  const uint64_t end = std::prev(after)->second;
  return address <= end && size <= end - address;
}

std::vector<std::string> ShadowMaps::differences() const {
  std::vector<std::string> lines;
  for (const auto& [key, value] : values_) {
    const Octets kernels = read(key.first, key.second.data());
    const auto* ours = reinterpret_cast<const uint8_t*>(value.now.get());
    if (kernels.empty() != (ours == nullptr))
      lines.push_back("the kernel has " + std::string(ours ? "no" : "an") + " element in " + name(key.first) +
                      ", the interpreter has " + (ours ? "one" : "none"));
    else if (ours && !same_but_for_times(ours, kernels.data(), kernels.size()))
      lines.push_back("an element of " + name(key.first) + " is another in the kernel");
  }
  return lines;
}

}  // namespace turnpike::bpf_test
