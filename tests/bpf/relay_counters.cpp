// SPDX-License-Identifier: Apache-2.0
//
// Counters over several packets, and expiries against the kernel's clock.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "expect_outcome.h"
#include "relay_program.h"
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

TEST(RelayCounters, CountEachDirectionOfAnAllocation) {
  ASSERT_NE(program(), nullptr);
  const World world = standard_world();
  program()->load(world);
  const uint64_t before = coarse_now();
  program()->run(to_bytes(from_client(world, kV4, pattern(7), pattern(1))));
  program()->run(to_bytes(send_from_client(world, kV4, pattern(30))));
  program()->run(to_bytes(from_peer(world, kV4, pattern(100))));
  program()->run(to_bytes(from_permitted(world, kV4, pattern(50))));
  program()->run(to_bytes(from_peer(world, kV4, {})));
  const tp_allocation_counters counters = program()->counters(kV4);
  expect_same(counters, {{2, 37}, {3, 150}, {0, 0}, before});
  EXPECT_GE(counters.last_seen, before);
  EXPECT_LE(counters.last_seen, monotonic_now());
}

TEST(RelayCounters, HairpinMovesBothAllocations) {
  ASSERT_NE(program(), nullptr);
  const World world = standard_world();
  program()->load(world);
  program()->run(to_bytes(from_client(world, kAlice, pattern(33))));
  program()->run(to_bytes(send_from_client(world, kBob, pattern(5))));
  expect_same(program()->counters(kAlice), {{1, 33}, {1, 5}, {0, 0}, 1});
  expect_same(program()->counters(kBob), {{1, 5}, {1, 33}, {0, 0}, 1});
}

TEST(RelayExpiry, EachOfTheThreeComparesWithTheCoarseClock) {
  ASSERT_NE(program(), nullptr);
  const auto relays = [](Form form, const ChangeWorld& change) {
    World world = standard_world();
    change(world);
    program()->load(world);
    return program()->run(to_bytes(frame_in(form, world, kV4, pattern(7)))).verdict == XDP_REDIRECT;
  };
  constexpr uint64_t kHour = 3'600'000'000'000;
  for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted}) {
    SCOPED_TRACE(name_of(form));
    const auto set = [&](uint64_t channel, uint64_t permission, uint64_t allocation) {
      return relays(form, [=](World& world) {
        for (const uint32_t slot : {uint32_t{kV4}, permission_slot(kV4)}) {
          world.bindings[slot].channel_expires = channel;
          world.bindings[slot].permission_expires = permission;
        }
        world.allocations[kV4].expires = allocation;
      });
    };
    // The packet runs after the clock is read here: it comes at its expiry or later.
    EXPECT_TRUE(set(coarse_now() + kHour, kNever, kNever));
    EXPECT_FALSE(set(coarse_now(), kNever, kNever));
    EXPECT_TRUE(set(kNever, coarse_now() + kHour, kNever));
    EXPECT_FALSE(set(kNever, coarse_now(), kNever));
    EXPECT_TRUE(set(kNever, kNever, coarse_now() + kHour));
    EXPECT_FALSE(set(kNever, kNever, coarse_now()));
  }
}

}  // namespace
}  // namespace turnpike::bpf_test
