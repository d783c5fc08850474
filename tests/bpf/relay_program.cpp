// SPDX-License-Identifier: Apache-2.0
#include "relay_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

#include "relay.skel.h"

namespace turnpike::bpf_test {
namespace {

std::string libbpf_log;

int keep_log(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[4096];
  const int length = std::vsnprintf(line, sizeof(line), format, arguments);
  libbpf_log += line;
  return length;
}

template <class Value>
void update(const bpf_map* map, const void* key, const Value& value) {
  ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(map), key, &value, BPF_ANY), 0) << std::strerror(errno);
}

// Slots 0.. of an array: as many of `values` as `each` says belong to one.
template <class Value>
void fill(const bpf_map* map, const std::vector<Value>& values, size_t each = 1) {
  std::vector<uint32_t> keys(values.size() / each);
  std::iota(keys.begin(), keys.end(), 0);
  auto count = static_cast<uint32_t>(keys.size());
  ASSERT_EQ(bpf_map_update_batch(bpf_map__fd(map), keys.data(), values.data(), &count, nullptr), 0)
      << bpf_map__name(map) << ": " << std::strerror(errno);
}

template <class Value>
void fill_array(const bpf_map* map, const std::map<uint32_t, Value>& values) {
  std::vector<Value> slots(kSlots);
  for (const auto& [slot, value] : values)
    slots[slot] = value;
  fill(map, slots);
}

template <class Value>
void clear_per_cpu(const bpf_map* map, uint32_t entries) {
  const auto cpus = static_cast<size_t>(libbpf_num_possible_cpus());
  fill(map, std::vector<Value>(entries * cpus), cpus);
}

template <class Value>
std::vector<Value> per_cpu(const bpf_map* map, uint32_t slot) {
  std::vector<Value> values(static_cast<size_t>(libbpf_num_possible_cpus()));
  EXPECT_EQ(bpf_map_lookup_elem(bpf_map__fd(map), &slot, values.data()), 0) << std::strerror(errno);
  return values;
}

// Whatever the keys are.
void clear(const bpf_map* map) {
  Octets key(bpf_map__key_size(map));
  while (bpf_map_get_next_key(bpf_map__fd(map), nullptr, key.data()) == 0)
    ASSERT_EQ(bpf_map_delete_elem(bpf_map__fd(map), key.data()), 0) << bpf_map__name(map);
}

template <class Value>
Value lookup(const bpf_map* map, uint32_t slot) {
  Value value{};
  EXPECT_EQ(bpf_map_lookup_elem(bpf_map__fd(map), &slot, &value), 0) << std::strerror(errno);
  return value;
}

template <class Key>
void set_address(Key& key, const IpAddress& address) {
  std::copy(address.bytes().begin(), address.bytes().end(), key.address);
}

void load_translations(const bpf_map* map, const World& world) {
  clear(map);
  for (const auto& [local, external] : world.translations) {
    tp_translation_key key{{}, 1};
    set_address(key, local);
    update(map, &key, external.bytes());
    key.to_external = 0;
    set_address(key, external);
    update(map, &key, local.bytes());
  }
}

void load_steer(const bpf_map* map, const World& world) {
  clear(map);
  for (const auto& [local, kind] : world.steer) {
    const tp_endpoint endpoint = to_abi(local);
    tp_steer_key key{};
    std::copy_n(endpoint.address, sizeof(key.local), key.local);
    key.local_port = endpoint.port;
    update(map, &key, tp_steer{0, 1, static_cast<uint32_t>(kind)});
  }
}

void load_sources(const relay_bpf& skeleton, const World& world) {
  clear(skeleton.maps.blocked);
  for (const World::Block& block : world.blocked)
    update(skeleton.maps.blocked, &block.prefix, block.value);
  clear(skeleton.maps.source_budgets);
  for (const auto& [address, budget] : world.budgets) {
    tp_source key{};
    set_address(key, address);
    update(skeleton.maps.source_budgets, &key, budget);
  }
  clear(skeleton.maps.own_addresses);
  for (const IpAddress& address : world.own_addresses)
    update(skeleton.maps.own_addresses, address.bytes().data(), uint32_t{1});
}

// TURNPIKE_RELAY_OBJECT=file in the environment tests another program than the one that was built in. The
// skeleton stays in memory, for libbpf reads the object from where it points.
relay_bpf* open_skeleton() {
  const char* file = std::getenv("TURNPIKE_RELAY_OBJECT");
  if (!file) return relay_bpf__open();
  static std::string object;
  std::ifstream stream(file, std::ios::binary);
  object.assign(std::istreambuf_iterator<char>(stream), {});
  auto* skeleton = static_cast<relay_bpf*>(std::calloc(1, sizeof(relay_bpf)));
  if (relay_bpf__create_skeleton(skeleton) != 0) return nullptr;
  skeleton->skeleton->data = object.data();
  skeleton->skeleton->data_sz = object.size();
  errno = -bpf_object__open_skeleton(skeleton->skeleton, nullptr);
  return errno == 0 ? skeleton : nullptr;
}

int keep_event(void* events, void* data, size_t size) {
  tp_event event{};
  std::memcpy(&event, data, std::min(size, sizeof(event)));
  static_cast<std::vector<tp_event>*>(events)->push_back(event);
  return 0;
}

void add(tp_counter& sum, const tp_counter& counter) {
  sum.packets += counter.packets;
  sum.bytes += counter.bytes;
}

}  // namespace

Result<std::unique_ptr<RelayProgram>> RelayProgram::create() {
  libbpf_set_print(keep_log);
  std::unique_ptr<RelayProgram> made(new RelayProgram(open_skeleton()));
  if (!made->skeleton_) return fail_errno(errno, "opening the relay object");
  for (bpf_map* map :
       {made->skeleton_->maps.bindings, made->skeleton_->maps.allocations, made->skeleton_->maps.users,
        made->skeleton_->maps.next_hops, made->skeleton_->maps.allocation_counters})
    bpf_map__set_max_entries(map, kSlots);
  if (const int error = relay_bpf__load(made->skeleton_); error != 0)
    return fail_errno(-error, "loading the relay program: " + libbpf_log);
  made->ring_ =
      ring_buffer__new(bpf_map__fd(made->skeleton_->maps.events), keep_event, &made->events_, nullptr);
  if (!made->ring_) return fail_errno(errno, "opening the ring buffer of events");
  return made;
}

RelayProgram::~RelayProgram() {
  ring_buffer__free(ring_);
  relay_bpf__destroy(skeleton_);
}

void RelayProgram::load(const World& world) {
  const auto& maps = skeleton_->maps;
  fill_array(maps.bindings, world.bindings);
  fill_array(maps.allocations, world.allocations);
  fill_array(maps.users, world.users);
  fill_array(maps.next_hops, world.next_hops);
  clear(maps.flows);
  for (const World::Flow& flow : world.flows)
    update(maps.flows, &flow.key, flow.value);
  const uint32_t only = 0;
  update(maps.control, &only, world.control);
  clear(maps.vlans);
  for (const World::Vlan& vlan : world.vlans)
    update(maps.vlans, &vlan.key, vlan.ifindex);
  load_translations(maps.translations, world);
  load_steer(maps.steer, world);
  load_sources(*skeleton_, world);
  clear_per_cpu<tp_counter>(maps.reasons, TP_REASON_COUNT);
  clear_per_cpu<tp_allocation_counters>(maps.allocation_counters, kSlots);
  events();
}

void RelayProgram::set_flow(const World::Flow& flow) {
  update(skeleton_->maps.flows, &flow.key, flow.value);
}

Outcome RelayProgram::run(const Octets& packet, uint32_t repeat) {
  Outcome outcome;
  outcome.output.resize(8192);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(), .data_out = outcome.output.data(),
              .data_size_in = static_cast<uint32_t>(packet.size()),
              .data_size_out = static_cast<uint32_t>(outcome.output.size()),
              .repeat = static_cast<int>(repeat));
  EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.relay), &options), 0)
      << std::strerror(errno) << " for a packet of " << packet.size() << " bytes";
  outcome.verdict = options.retval;
  outcome.nanoseconds = options.duration;
  outcome.output.resize(options.data_size_out);
  return outcome;
}

Reasons RelayProgram::reasons() const {
  Reasons sums{};
  for (uint32_t reason = 0; reason < TP_REASON_COUNT; ++reason)
    for (const tp_counter& counter : per_cpu<tp_counter>(skeleton_->maps.reasons, reason))
      add(sums[reason], counter);
  return sums;
}

tp_allocation_counters RelayProgram::counters(uint32_t slot) const {
  tp_allocation_counters sum{};
  for (const auto& counters : per_cpu<tp_allocation_counters>(skeleton_->maps.allocation_counters, slot)) {
    add(sum.to_peer, counters.to_peer);
    add(sum.to_client, counters.to_client);
    add(sum.refused, counters.refused);
    sum.last_seen = std::max(sum.last_seen, counters.last_seen);
  }
  return sum;
}

tp_allocation RelayProgram::allocation(uint32_t slot) const {
  return lookup<tp_allocation>(skeleton_->maps.allocations, slot);
}

tp_user RelayProgram::user(uint32_t slot) const {
  return lookup<tp_user>(skeleton_->maps.users, slot);
}

tp_control RelayProgram::control() const {
  return lookup<tp_control>(skeleton_->maps.control, 0);
}

std::vector<tp_event> RelayProgram::events() {
  EXPECT_GE(ring_buffer__consume(ring_), 0);
  return std::exchange(events_, {});
}

tp_binding* RelayProgram::map_bindings() {
  void* memory = mmap(nullptr, kSlots * sizeof(tp_binding), PROT_READ | PROT_WRITE, MAP_SHARED,
                      bpf_map__fd(skeleton_->maps.bindings), 0);
  return memory == MAP_FAILED ? nullptr : static_cast<tp_binding*>(memory);
}

std::pair<uint32_t, uint32_t> RelayProgram::code_size() const {
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  EXPECT_EQ(bpf_obj_get_info_by_fd(bpf_program__fd(skeleton_->progs.relay), &info, &size), 0);
  return {info.xlated_prog_len, info.jited_prog_len};
}

const bpf_object& RelayProgram::object() const {
  return *skeleton_->obj;
}

const bpf_program& RelayProgram::code() const {
  return *skeleton_->progs.relay;
}

RelayProgram* program() {
  static const auto loaded = RelayProgram::create();
  if (loaded) return loaded->get();
  ADD_FAILURE() << loaded.error().message;
  return nullptr;
}

}  // namespace turnpike::bpf_test
