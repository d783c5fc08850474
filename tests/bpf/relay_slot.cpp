// SPDX-License-Identifier: Apache-2.0
//
// How slots are published (bpf/abi.h), with a writer at work while packets flow: a packet leaves by the
// binding that its flow means, whole, or not at all.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "expect_outcome.h"
#include "relay_program.h"
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

void publish(tp_binding& slot, const tp_binding& binding) {
  std::atomic_ref<uint32_t> generation(slot.generation);
  generation.store(0, std::memory_order_seq_cst);
  std::memcpy(reinterpret_cast<char*>(&slot) + sizeof(slot.generation),
              reinterpret_cast<const char*>(&binding) + sizeof(slot.generation),
              sizeof(slot) - sizeof(slot.generation));
  generation.store(binding.generation, std::memory_order_release);
}

struct Race {
  const char* name;
  Form form;
  uint32_t slot;  // whose binding is rewritten
};

class RelaySlot : public testing::TestWithParam<Race> {};

// What the slot belongs to meanwhile: another allocation with other ends.
tp_binding other_binding(const World& world, uint32_t slot) {
  return world.bindings.at(slot == permission_slot(kV4) ? permission_slot(kV6)
                           : slot == client_slot(kV4)   ? client_slot(kV6)
                                                        : uint32_t{kV6});
}

TEST_P(RelaySlot, BindingIsNeverSeenHalfWritten) {
  ASSERT_NE(program(), nullptr);
  const auto [name, form, slot] = GetParam();
  const World world = standard_world();
  program()->load(world);
  tp_binding* bindings = program()->map_bindings();
  ASSERT_NE(bindings, nullptr) << std::strerror(errno);
  std::vector<World::Flow> flows;
  std::copy_if(world.flows.begin(), world.flows.end(), std::back_inserter(flows),
               [at = slot](const World::Flow& flow) { return flow.value.binding == at; });
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> runs = 0;
  // The slot goes to another binding and comes back, each time with a generation that it never had.
  // A flow is written at most once a run: the kernel may overlook a key whose element is replaced twice
  // during one look-up.
  std::thread writer([&stop, &runs, &bindings, flows, at = slot, ours = world.bindings.at(slot),
                      other = other_binding(world, slot)]() mutable {
    uint32_t generation = ours.generation;
    uint64_t seen = 0;
    while (!stop) {
      other.generation = ++generation;
      publish(bindings[at], other);
      ours.generation = ++generation;
      publish(bindings[at], ours);
      if (runs == seen) continue;
      for (World::Flow& flow : flows) {
        flow.value.generation = generation;
        program()->set_flow(flow);
      }
      seen = runs;
    }
  });
  const Octets packet = to_bytes(frame_in(form, world, kV4, pattern(20)));
  // A program without the second look at the generation fails this within the first second.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  uint64_t sent = 0, passed = 0;
  while (std::chrono::steady_clock::now() < end && !HasFailure()) {
    const Outcome outcome = program()->run(packet);
    ++runs;
    const bool redirected = outcome.verdict == XDP_REDIRECT;
    EXPECT_EQ(outcome.output, redirected ? expect_output(world, packet, outcome.output).output : packet);
    ++(redirected ? sent : passed);
  }
  stop = true;
  writer.join();
  munmap(bindings, kSlots * sizeof(tp_binding));
  EXPECT_GT(sent, 0u);
  EXPECT_GT(passed, 0u);
  EXPECT_EQ(program()->reasons()[TP_PASS_STALE].packets, passed);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RelaySlot,
                         testing::Values(Race{"Channel", kChannelData, kV4}, Race{"Peer", kFromPeer, kV4},
                                         Race{"Permission", kFromPermitted, permission_slot(kV4)},
                                         Race{"SendPermission", kSend, permission_slot(kV4)},
                                         Race{"Client", kSend, client_slot(kV4)}),
                         [](const testing::TestParamInfo<Race>& race) {
                           return std::string(race.param.name);
                         });

}  // namespace
}  // namespace turnpike::bpf_test
