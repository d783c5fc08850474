// SPDX-License-Identifier: Apache-2.0
#include "util/cell_rate.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

using std::chrono::milliseconds;

constexpr MonotonicTime kNow{std::chrono::hours(1)};

int admitted(const CellRate& rate, MonotonicTime& full_at, MonotonicTime now) {
  int count = 0;
  while (rate.admit(full_at, now))
    ++count;
  return count;
}

TEST(CellRate, AdmitsSoManyAtOnceAndThenTheRate) {
  const CellRate rate(10, 5);
  MonotonicTime full_at;
  EXPECT_EQ(admitted(rate, full_at, kNow), 5);
  EXPECT_EQ(admitted(rate, full_at, kNow + milliseconds(100) - Nanoseconds(1)), 0);
  EXPECT_EQ(admitted(rate, full_at, kNow + milliseconds(100)), 1);
  EXPECT_EQ(admitted(rate, full_at, kNow + milliseconds(300)), 2);
  EXPECT_EQ(admitted(rate, full_at, kNow + Seconds(10)), 5);  // no more than fills the bucket
}

TEST(CellRate, ARefusalCostsNothing) {
  const CellRate rate(1, 1);
  MonotonicTime full_at;
  EXPECT_TRUE(rate.admit(full_at, kNow));
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(rate.admit(full_at, kNow));
  EXPECT_TRUE(rate.admit(full_at, kNow + Seconds(1)));
}

}  // namespace
}  // namespace turnpike
