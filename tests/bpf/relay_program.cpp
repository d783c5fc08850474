// SPDX-License-Identifier: Apache-2.0
#include "relay_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdarg>
#include <cstring>
#include <string>

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

template <class Value>
void fill_array(const bpf_map* map, const std::map<uint32_t, Value>& values) {
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    const auto value = values.find(slot);
    update(map, &slot, value == values.end() ? Value{} : value->second);
  }
}

template <class Value>
void clear_per_cpu(const bpf_map* map, uint32_t entries) {
  const std::vector<Value> zeros(static_cast<size_t>(libbpf_num_possible_cpus()));
  for (uint32_t slot = 0; slot < entries; ++slot)
    ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(map), &slot, zeros.data(), BPF_ANY), 0);
}

template <class Value>
std::vector<Value> per_cpu(const bpf_map* map, uint32_t slot) {
  std::vector<Value> values(static_cast<size_t>(libbpf_num_possible_cpus()));
  EXPECT_EQ(bpf_map_lookup_elem(bpf_map__fd(map), &slot, values.data()), 0) << std::strerror(errno);
  return values;
}

void clear_flows(const bpf_map* map) {
  tp_flow_key key;
  while (bpf_map_get_next_key(bpf_map__fd(map), nullptr, &key) == 0)
    ASSERT_EQ(bpf_map_delete_elem(bpf_map__fd(map), &key), 0);
}

void add(tp_counter& sum, const tp_counter& counter) {
  sum.packets += counter.packets;
  sum.bytes += counter.bytes;
}

}  // namespace

Result<std::unique_ptr<RelayProgram>> RelayProgram::create() {
  libbpf_set_print(keep_log);
  std::unique_ptr<RelayProgram> made(new RelayProgram(relay_bpf__open()));
  if (!made->skeleton_) return fail_errno(errno, "opening the relay object");
  for (bpf_map* map : {made->skeleton_->maps.bindings, made->skeleton_->maps.allocations,
                       made->skeleton_->maps.next_hops, made->skeleton_->maps.binding_counters})
    bpf_map__set_max_entries(map, kSlots);
  if (const int error = relay_bpf__load(made->skeleton_); error != 0)
    return fail_errno(-error, "loading the relay program: " + libbpf_log);
  return made;
}

RelayProgram::~RelayProgram() {
  relay_bpf__destroy(skeleton_);
}

void RelayProgram::load(const World& world) {
  const auto& maps = skeleton_->maps;
  fill_array(maps.bindings, world.bindings);
  fill_array(maps.allocations, world.allocations);
  fill_array(maps.next_hops, world.next_hops);
  clear_flows(maps.flows);
  for (const World::Flow& flow : world.flows)
    update(maps.flows, &flow.key, flow.value);
  clear_per_cpu<tp_counter>(maps.reasons, TP_REASON_COUNT);
  clear_per_cpu<tp_binding_counters>(maps.binding_counters, kSlots);
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

tp_binding_counters RelayProgram::counters(uint32_t slot) const {
  tp_binding_counters sum{};
  for (const auto& counters : per_cpu<tp_binding_counters>(skeleton_->maps.binding_counters, slot)) {
    add(sum.to_peer, counters.to_peer);
    add(sum.to_client, counters.to_client);
    sum.last_seen = std::max<uint64_t>(sum.last_seen, counters.last_seen);
  }
  return sum;
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

RelayProgram* program() {
  static const auto loaded = RelayProgram::create();
  if (loaded) return loaded->get();
  ADD_FAILURE() << loaded.error().message;
  return nullptr;
}

}  // namespace turnpike::bpf_test
