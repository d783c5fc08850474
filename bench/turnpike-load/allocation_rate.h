// SPDX-License-Identifier: Apache-2.0
//
// `allocate`: how many allocations a second a relay makes. Each is a new 5-tuple's whole life as a standard
// client begins and ends it: Allocate, 401, Allocate with credentials, success, Refresh with lifetime 0.
#pragma once

#include <array>
#include <map>
#include <nlohmann/json_fwd.hpp>

#include "histogram.h"
#include "options.h"

namespace turnpike::load {

struct AllocationReport {
  double seconds = 0;
  uint64_t allocated = 0;               // successes, their Refresh included
  std::map<uint16_t, uint64_t> failed;  // by error code, Answer::kNone among them
  uint64_t tuples_in_use = 0;           // 437: the relay still knew the 5-tuple, and another was tried
  Histogram latency;                    // from the first Allocate to the success, ns
  double generator_cpus = 0;            // CPUs that the generator's own threads kept busy

  uint64_t all_failed() const;
  AllocationReport& operator+=(const AllocationReport& other);  // of another thread, at the same time
};

// `options` were checked.
Result<AllocationReport> measure(const AllocateOptions& options);
nlohmann::json to_json(const AllocateOptions& options, const AllocationReport& report);

}  // namespace turnpike::load
