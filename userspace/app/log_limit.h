// SPDX-License-Identifier: Apache-2.0
//
// LogLimit: lets one message of a kind through in each interval and counts those it held back. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "util/clock.h"

namespace turnpike::app {

class LogLimit {
 public:
  explicit LogLimit(Seconds interval = Seconds(10)) : interval_(interval) {}

  // nullopt: hold this one back. Else: log it, and say how many were held back since the last one.
  std::optional<uint64_t> admit(MonotonicTime now) {
    if (last_ && now < *last_ + interval_) {
      ++held_back_;
      return std::nullopt;
    }
    last_ = now;
    const uint64_t count = held_back_;
    held_back_ = 0;
    return count;
  }

 private:
  Seconds interval_;
  std::optional<MonotonicTime> last_;
  uint64_t held_back_ = 0;
};

}  // namespace turnpike::app
