// SPDX-License-Identifier: Apache-2.0
#include "fastpath/slot_pool.h"

#include <gtest/gtest.h>

#include <set>

namespace turnpike::fastpath {
namespace {

constexpr MonotonicTime kStart{std::chrono::hours(1)};

TEST(SlotPool, GivesEachSlotOnce) {
  SlotPool pool(1, 4);
  std::set<uint32_t> slots;
  for (int i = 0; i < 3; ++i)
    slots.insert(pool.take(kStart).value());
  EXPECT_EQ(slots, (std::set<uint32_t>{1, 2, 3}));
  EXPECT_EQ(pool.take(kStart), std::nullopt);
}

TEST(SlotPool, LetsAFreedSlotRest) {
  SlotPool pool(0, 1);
  const uint32_t slot = pool.take(kStart).value();
  pool.give_back(slot, kStart);
  EXPECT_EQ(pool.take(kStart + kSlotRest - Nanoseconds(1)), std::nullopt);
  EXPECT_EQ(pool.take(kStart + kSlotRest), slot);
}

TEST(SlotPool, HasRoomForThoseWhoComeWhenOthersLeave) {
  constexpr uint32_t kUsed = 100;
  SlotPool pool(0, with_resting(kUsed));
  for (uint32_t i = 0; i < kUsed; ++i)
    ASSERT_TRUE(pool.take(kStart));
  for (uint32_t slot = 0; slot < kUsed / 2; ++slot) {
    pool.give_back(slot, kStart);
    ASSERT_TRUE(pool.take(kStart));
  }
}

TEST(SlotPool, NeverRepeatsAGeneration) {
  SlotPool pool(0, 2);
  std::set<uint32_t> generations;
  for (int i = 0; i < 1000; ++i)
    generations.insert(pool.new_generation(0));
  EXPECT_EQ(generations.size(), 1000u);
  EXPECT_FALSE(generations.contains(0));
  EXPECT_EQ(pool.new_generation(1), 1u);
}

TEST(SlotPool, GoesOnWithWhatAnEarlierProcessUsed) {
  SlotPool pool(0, 3);
  pool.adopt(0, 7);
  pool.remember(1, 9);
  EXPECT_EQ(pool.used(), 1u);
  EXPECT_EQ(pool.take(kStart), 1u);
  EXPECT_EQ(pool.new_generation(1), 10u);
  EXPECT_EQ(pool.take(kStart), 2u);
  EXPECT_EQ(pool.take(kStart), std::nullopt);
  EXPECT_EQ(pool.used(), 3u);
  pool.give_back(0, kStart);
  EXPECT_EQ(pool.used(), 2u);
  EXPECT_EQ(pool.take(kStart + kSlotRest), 0u);
  EXPECT_EQ(pool.new_generation(0), 8u);
}

TEST(SlotPool, NeverTakesTheGenerationZero) {
  SlotPool pool(0, 1);
  pool.remember(0, 0xffffffff);
  EXPECT_EQ(pool.new_generation(0), 1u);
}

}  // namespace
}  // namespace turnpike::fastpath
