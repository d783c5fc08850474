// SPDX-License-Identifier: Apache-2.0
//
// TrafficLimits: the fast path's limits, for the slow path's packets. Thread-safe, as the fast path is.
#pragma once

#include "fastpath/fast_path.h"
#include "turn/environment.h"

namespace turnpike::app {

class TrafficLimits final : public turn::TrafficLimits {
 public:
  explicit TrafficLimits(fastpath::FastPath& fast_path) : fast_path_(fast_path) {}

  const char* admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now) override {
    return fastpath::to_string(fast_path_.admit(id, direction, bytes, now));
  }

 private:
  fastpath::FastPath& fast_path_;
};

}  // namespace turnpike::app
