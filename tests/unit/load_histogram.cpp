// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "turnpike-load/histogram.h"
#include "turnpike-load/load_abi.h"

namespace turnpike::load {
namespace {

TEST(HistogramTest, KeepsEveryValueWithinItsPromise) {
  uint32_t last = 0;
  for (uint64_t value = 0; value < uint64_t{1} << LOAD_VALUE_BITS; value += 1 + value / 1000) {
    const uint32_t bucket = load_bucket_of(value);
    ASSERT_LT(bucket, uint32_t{LOAD_BUCKETS});
    ASSERT_GE(bucket, last) << value;
    last = bucket;
    const auto middle = static_cast<double>(bucket_middle(bucket));
    ASSERT_LE(std::abs(middle - static_cast<double>(value)), 0.016 * static_cast<double>(value)) << value;
  }
  EXPECT_EQ(last, uint32_t{LOAD_BUCKETS - 1});
  EXPECT_EQ(load_bucket_of(~uint64_t{0}), uint32_t{LOAD_BUCKETS - 1});
}

TEST(HistogramTest, TellsPercentiles) {
  Histogram histogram;
  for (uint64_t value = 1; value <= 1000; ++value)
    histogram.add(value * 1000);
  EXPECT_EQ(histogram.samples(), 1000u);
  EXPECT_NEAR(static_cast<double>(histogram.percentile(0.5)), 500e3, 500e3 * 0.016);
  EXPECT_NEAR(static_cast<double>(histogram.percentile(0.99)), 990e3, 990e3 * 0.016);
  EXPECT_NEAR(static_cast<double>(histogram.percentile(0.999)), 999e3, 999e3 * 0.016);
  EXPECT_NEAR(static_cast<double>(histogram.percentile(1)), 1000e3, 1000e3 * 0.016);
}

TEST(HistogramTest, CountsSmallValuesExactly) {
  Histogram histogram;
  for (const uint64_t value : {3u, 3u, 3u, 60u})
    histogram.add(value);
  EXPECT_EQ(histogram.percentile(0), 3u);
  EXPECT_EQ(histogram.percentile(0.75), 3u);
  EXPECT_EQ(histogram.percentile(0.76), 60u);
}

TEST(HistogramTest, IsZeroWithoutSamples) {
  EXPECT_EQ(Histogram().percentile(0.99), 0u);
}

TEST(HistogramTest, AddsAndTakesAway) {
  Histogram before, after;
  before.add(10);
  after.add(10);
  after.add(20);
  after -= before;
  EXPECT_EQ(after.samples(), 1u);
  EXPECT_EQ(after.percentile(1), 20u);
  after += before;
  EXPECT_EQ(after.percentile(0.5), 10u);
}

}  // namespace
}  // namespace turnpike::load
