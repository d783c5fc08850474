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

#include "relay_program.h"

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

TEST(RelaySlot, BindingIsNeverSeenHalfWritten) {
  ASSERT_NE(program(), nullptr);
  const World world = standard_world();
  program()->load(world);
  tp_binding* bindings = program()->map_bindings();
  ASSERT_NE(bindings, nullptr) << std::strerror(errno);
  const auto flow = std::find_if(world.flows.begin(), world.flows.end(), [](const World::Flow& each) {
    return each.value.binding == kV4 && each.key.channel != 0;
  });
  ASSERT_NE(flow, world.flows.end());
  std::atomic<bool> stop = false;
  // The slot goes to another binding and comes back, each time with a generation that it never had.
  std::thread writer(
      [&, ours = world.bindings.at(kV4), other = world.bindings.at(kV6), current = *flow]() mutable {
        uint32_t generation = ours.generation;
        while (!stop) {
          other.generation = ++generation;
          publish(bindings[kV4], other);
          ours.generation = current.value.generation = ++generation;
          publish(bindings[kV4], ours);
          program()->set_flow(current);
        }
      });
  const Frame frame = from_client(world, kV4, pattern(20));
  const Octets packet = to_bytes(frame), relayed = to_bytes(to_peer(world, kV4, frame, pattern(20)));
  // A program without the second look at the generation fails this within the first second.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  uint64_t sent = 0, passed = 0;
  while (std::chrono::steady_clock::now() < end && !HasFailure()) {
    const Outcome outcome = program()->run(packet);
    const bool redirected = outcome.verdict == XDP_REDIRECT;
    EXPECT_EQ(outcome.output, redirected ? relayed : packet);
    ++(redirected ? sent : passed);
  }
  stop = true;
  writer.join();
  munmap(bindings, kSlots * sizeof(tp_binding));
  EXPECT_GT(sent, 0u);
  EXPECT_GT(passed, 0u);
  EXPECT_EQ(program()->reasons()[TP_PASS_STALE].packets, passed);
}

}  // namespace
}  // namespace turnpike::bpf_test
