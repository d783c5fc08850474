// SPDX-License-Identifier: Apache-2.0
//
// Histogram of durations in nanoseconds, in the buckets of load_abi.h: no percentile is off by more than
// 1.6 %.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace turnpike::load {

class Histogram {
 public:
  Histogram();
  explicit Histogram(std::vector<uint64_t> buckets);  // LOAD_BUCKETS of them

  void add(uint64_t value);
  Histogram& operator+=(const Histogram& other);
  Histogram& operator-=(const Histogram& earlier);  // of the same counters

  uint64_t samples() const;
  // The value that `share` (0 to 1) of the samples do not pass; 0 without samples.
  uint64_t percentile(double share) const;

 private:
  std::vector<uint64_t> buckets_;
};

// The middle of the values that count in `bucket`.
uint64_t bucket_middle(uint32_t bucket);

// {"p50", "p90", "p99", "p999", "max", "samples"}
nlohmann::json to_json(const Histogram& histogram);

}  // namespace turnpike::load
