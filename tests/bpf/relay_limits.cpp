// SPDX-License-Identifier: Apache-2.0
//
// Rates and quotas over bursts. The costs are so high, or the rates so slow, that the time a test takes is
// nothing: the counts are exact.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "expect_outcome.h"
#include "relay_program.h"
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

constexpr uint64_t kHour = 3'600'000'000'000ull << TP_TICK_SHIFT;
constexpr uint32_t kUser = 2;

uint64_t ticks_now() {
  return monotonic_now() << TP_TICK_SHIFT;
}

// How many of `count` packets are relayed.
uint64_t relayed(Form form, uint32_t slot, const World& world, int count, size_t size = 20) {
  const Octets packet = to_bytes(frame_in(form, world, slot, pattern(size)));
  uint64_t relayed = 0;
  for (int i = 0; i < count; ++i)
    relayed += program()->run(packet).verdict == XDP_REDIRECT;
  return relayed;
}

struct Limited {
  const char* name;
  tp_reason reason;
  std::function<tp_policer&(World&)> policer;
};

class RelayRate : public testing::TestWithParam<Limited> {};

// An empty bucket takes burst / cost packets and the one that meets it exactly full.
TEST_P(RelayRate, BurstOfPacketsIsExact) {
  ASSERT_NE(program(), nullptr);
  for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted}) {
    World world = standard_world();
    world.allocations[kV4].user = kUser;
    tp_policer& policer = GetParam().policer(world);
    policer.packet_cost = kHour;
    policer.burst = 9 * kHour + kHour / 2;
    program()->load(world);
    EXPECT_EQ(relayed(form, kV4, world, 25), 10u) << name_of(form);
    EXPECT_EQ(program()->reasons()[GetParam().reason].packets, 15u);
    EXPECT_EQ(program()->reasons()[GetParam().reason].bytes, 15u * 20);
    expect_same(program()->counters(kV4), form == kChannelData || form == kSend
                                              ? tp_allocation_counters{{10, 200}, {}, {15, 300}, 1}
                                              : tp_allocation_counters{{}, {10, 200}, {15, 300}, 1});
    // The other direction has a bucket of its own.
    EXPECT_EQ(relayed(form == kFromPeer ? kChannelData : kFromPeer, kV4, world, 12),
              form == kFromPermitted ? 0u : 10u);
  }
}

TEST_P(RelayRate, BurstOfBytesIsExact) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.allocations[kV4].user = kUser;
  tp_policer& policer = GetParam().policer(world);
  policer.byte_cost = kHour << 10;  // and so a byte costs an hour >> 6, a packet of 160 bytes 2.5 hours
  policer.burst = 10 * kHour;       // 0, 2.5, 5, 7.5, 10
  program()->load(world);
  EXPECT_EQ(relayed(kChannelData, kV4, world, 2, 160), 2u);
  EXPECT_EQ(relayed(kSend, kV4, world, 20, 160), 3u);
  EXPECT_EQ(relayed(kFromPeer, kV4, world, 20, 160), 5u);
  EXPECT_EQ(relayed(kChannelData, kV4, world, 1, 1), 0u);
}

TEST_P(RelayRate, FractionsOfATickAddUp) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.allocations[kV4].user = kUser;
  tp_policer& policer = GetParam().policer(world);
  policer.byte_cost = 0x18000;  // a tick and a half
  policer.burst = kHour;
  const uint64_t start = ticks_now() + kHour / 2;
  policer.bytes_at[TP_TO_PEER] = start;
  program()->load(world);
  EXPECT_EQ(relayed(kChannelData, kV4, world, 10, 7), 10u);
  const tp_policer after = GetParam().reason == TP_DROP_USER_RATE ? program()->user(kUser).policer
                                                                  : program()->allocation(kV4).policer;
  EXPECT_EQ(after.bytes_at[TP_TO_PEER], start + 10 * (7 * 3 / 2));
  EXPECT_EQ(after.bytes_at[TP_TO_CLIENT], 0u);
  EXPECT_EQ(after.used, 0u) << "counted without a quota";
}

// A bucket that was full long ago is as full as one that is full now.
TEST_P(RelayRate, ConformsWhileFullWithinTheBurst) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.allocations[kV4].user = kUser;
  tp_policer& policer = GetParam().policer(world);
  policer.packet_cost = 1;
  policer.burst = kHour;
  policer.packets_at[TP_TO_PEER] = ticks_now() + kHour - kHour / 60;
  program()->load(world);
  EXPECT_EQ(relayed(kChannelData, kV4, world, 3), 3u);
  policer.packets_at[TP_TO_PEER] = ticks_now() + kHour + kHour / 60;
  program()->load(world);
  EXPECT_EQ(relayed(kChannelData, kV4, world, 3), 0u);
  policer.packets_at[TP_TO_PEER] = 1;
  const uint64_t before = ticks_now();
  program()->load(world);
  EXPECT_EQ(relayed(kChannelData, kV4, world, 1), 1u);
  const tp_policer after = GetParam().reason == TP_DROP_USER_RATE ? program()->user(kUser).policer
                                                                  : program()->allocation(kV4).policer;
  EXPECT_GE(after.packets_at[TP_TO_PEER], before + 1);
  EXPECT_LE(after.packets_at[TP_TO_PEER], ticks_now() + 1);
}

// Refused or passed, a packet costs nothing: neither this limit nor another.
TEST_P(RelayRate, OnlyWhatIsRelayedIsCharged) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.allocations[kV4].user = kUser;
  for (tp_policer* policer : {&world.allocations[kV4].policer, &world.users[kUser].policer}) {
    policer->packet_cost = policer->byte_cost = 1 << 20;
    policer->burst = kHour;
    policer->quota = 1000;
  }
  World refusing = world;
  GetParam().policer(refusing).packets_at[TP_TO_PEER] = kFarAhead;
  World unresolved = world;
  unresolved.bindings[kV4].peer_next_hop = kUnresolved;
  for (const World& each : {refusing, unresolved}) {
    program()->load(each);
    EXPECT_EQ(relayed(kChannelData, kV4, each, 3), 0u);
    for (const auto& [now, then] :
         {std::pair(program()->allocation(kV4).policer, each.allocations.at(kV4).policer),
          std::pair(program()->user(kUser).policer, each.users.at(kUser).policer)}) {
      EXPECT_EQ(now.packets_at[TP_TO_PEER], then.packets_at[TP_TO_PEER]);
      EXPECT_EQ(now.bytes_at[TP_TO_PEER], 0u);
      EXPECT_EQ(now.used, 0u);
    }
  }
}

TEST_P(RelayRate, IsToldAtMostOnceASecond) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.allocations[kV4].user = kUser;
  tp_policer& policer = GetParam().policer(world);
  policer.packet_cost = 1;
  policer.packets_at[TP_TO_PEER] = policer.packets_at[TP_TO_CLIENT] = kFarAhead;
  program()->load(world);
  relayed(kChannelData, kV4, world, 5);
  relayed(kFromPeer, kV4, world, 5);
  const auto events = program()->events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, static_cast<uint32_t>(TP_EVENT_LIMIT));
  EXPECT_EQ(events[0].reason, static_cast<uint32_t>(GetParam().reason));
  EXPECT_EQ(events[0].allocation, world.allocations[kV4].id);
  EXPECT_LE(events[0].time, monotonic_now());
  policer.told_at = monotonic_now() - 1'000'000'000;
  program()->load(world);
  relayed(kChannelData, kV4, world, 3);
  EXPECT_EQ(program()->events().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Both, RelayRate,
    testing::Values(Limited{"Allocation", TP_DROP_ALLOCATION_RATE,
                            [](World& world) -> tp_policer& { return world.allocations[kV4].policer; }},
                    Limited{"User", TP_DROP_USER_RATE,
                            [](World& world) -> tp_policer& { return world.users[kUser].policer; }}),
    [](const testing::TestParamInfo<Limited>& limit) { return std::string(limit.param.name); });

TEST(RelayQuota, EndsAtItsByte) {
  ASSERT_NE(program(), nullptr);
  for (const bool of_user : {false, true}) {
    World world = standard_world();
    world.allocations[kV4].user = world.allocations[kV6].user = kUser;
    tp_policer& policer = of_user ? world.users[kUser].policer : world.allocations[kV4].policer;
    policer.quota = 1000;
    program()->load(world);
    EXPECT_EQ(relayed(kChannelData, kV4, world, 3, 100), 3u);
    EXPECT_EQ(relayed(kFromPermitted, kV4, world, 3, 100), 3u);
    EXPECT_EQ(relayed(kSend, of_user ? kV6 : kV4, world, 10, 150), 2u);  // 900
    EXPECT_EQ(relayed(kFromPeer, kV4, world, 1, 101), 0u);
    EXPECT_EQ(relayed(kFromPeer, kV4, world, 2, 100), 1u);
    EXPECT_EQ((of_user ? program()->user(kUser).policer : program()->allocation(kV4).policer).used, 1000u);
  }
}

// One user on both ends of a hairpin pays for sending and for receiving.
TEST(RelayQuota, HairpinChargesBothEnds) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.allocations[kAlice].user = world.allocations[kBob].user = kUser;
  world.users[kUser].policer.quota = 1 << 20;
  world.allocations[kAlice].policer.quota = world.allocations[kBob].policer.quota = 1 << 20;
  program()->load(world);
  EXPECT_EQ(relayed(kChannelData, kAlice, world, 3, 100), 3u);
  EXPECT_EQ(program()->allocation(kAlice).policer.used, 300u);
  EXPECT_EQ(program()->allocation(kBob).policer.used, 300u);
  EXPECT_EQ(program()->user(kUser).policer.used, 600u);
}

TEST(RelayRates, HairpinTakesTheSendersToPeerAndTheReceiversToClient) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.allocations[kAlice].policer.packet_cost = world.allocations[kBob].policer.packet_cost = kHour;
  world.allocations[kAlice].policer.burst = 5 * kHour;
  world.allocations[kBob].policer.burst = 2 * kHour;
  program()->load(world);
  EXPECT_EQ(relayed(kSend, kAlice, world, 9), 3u);
  expect_same(program()->counters(kAlice), {{3, 60}, {}, {}, 1});
  expect_same(program()->counters(kBob), {{}, {3, 60}, {6, 120}, 1});
  EXPECT_EQ(relayed(kChannelData, kBob, world, 9), 3u);
}

}  // namespace
}  // namespace turnpike::bpf_test
