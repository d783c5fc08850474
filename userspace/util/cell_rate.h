// SPDX-License-Identifier: Apache-2.0
//
// CellRate: so many events a second, of which some may come at once, by the generic cell rate algorithm as
// the BPF program keeps it (bpf/abi.h, tp_policer): one word for each party, when its bucket is full again.
#pragma once

#include <algorithm>

#include "util/clock.h"

namespace turnpike {

class CellRate {
 public:
  // `per_second` is at least 1; `at_once`, at least 1, is how many may come together.
  constexpr CellRate(uint32_t per_second, uint32_t at_once)
      : cost_(Nanoseconds(Seconds(1)) / per_second), burst_(cost_ * (int64_t{at_once} - 1)) {}

  // Charges one event to the party whose word is `full_at` (zero at first), or refuses it.
  bool admit(MonotonicTime& full_at, MonotonicTime now) const {
    const MonotonicTime from = std::max(full_at, now);
    if (from - now > burst_) return false;
    full_at = from + cost_;
    return true;
  }

 private:
  Nanoseconds cost_;
  Nanoseconds burst_;
};

}  // namespace turnpike
