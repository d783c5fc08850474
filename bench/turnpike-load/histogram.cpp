// SPDX-License-Identifier: Apache-2.0
#include "histogram.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "load_abi.h"

namespace turnpike::load {

Histogram::Histogram() : buckets_(LOAD_BUCKETS) {}

Histogram::Histogram(std::vector<uint64_t> buckets) : buckets_(std::move(buckets)) {
  buckets_.resize(LOAD_BUCKETS);
}

void Histogram::add(uint64_t value) {
  ++buckets_[load_bucket_of(value)];
}

Histogram& Histogram::operator+=(const Histogram& other) {
  std::ranges::transform(buckets_, other.buckets_, buckets_.begin(), std::plus<>());
  return *this;
}

Histogram& Histogram::operator-=(const Histogram& earlier) {
  std::ranges::transform(buckets_, earlier.buckets_, buckets_.begin(), std::minus<>());
  return *this;
}

uint64_t Histogram::samples() const {
  return std::accumulate(buckets_.begin(), buckets_.end(), uint64_t{0});
}

uint64_t Histogram::percentile(double share) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(samples())));
  uint64_t seen = 0;
  for (uint32_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen != 0 && seen >= wanted) return bucket_middle(bucket);
  }
  return 0;
}

uint64_t bucket_middle(uint32_t bucket) {
  if (bucket < 2 * LOAD_SUB_BUCKETS) return bucket;
  const uint32_t shift = bucket / LOAD_SUB_BUCKETS - 1;
  const uint64_t lowest = uint64_t{bucket % LOAD_SUB_BUCKETS + LOAD_SUB_BUCKETS} << shift;
  return lowest + (uint64_t{1} << shift) / 2;
}

nlohmann::json to_json(const Histogram& histogram) {
  return {{"p50", histogram.percentile(0.5)},  {"p90", histogram.percentile(0.9)},
          {"p99", histogram.percentile(0.99)}, {"p999", histogram.percentile(0.999)},
          {"max", histogram.percentile(1)},    {"samples", histogram.samples()}};
}

}  // namespace turnpike::load
