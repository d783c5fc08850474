// SPDX-License-Identifier: Apache-2.0
//
// Pacing: how many frames are due when a rate is kept by bursts as small as the clock allows. A relay in
// userspace has room for few tens of datagrams in a socket: larger bursts would be lost that a steady stream
// of the same rate would not.
#pragma once

#include <chrono>
#include <cstdint>

namespace turnpike::load {

class Pacing {
 public:
  using Clock = std::chrono::steady_clock;

  // `rate`: frames a second, more than 0.
  Pacing(uint64_t rate, Clock::time_point start) : rate_(rate), start_(start) {}

  // Those due by `now`, which count as sent from then on. A generator that was kept from its CPU makes up for
  // kMostLate at most: the rest is never sent, rather than as a flood.
  uint64_t take_due(Clock::time_point now) {
    const uint64_t due = frames_by(now);
    const uint64_t most = frames_by(start_ + kMostLate) + 1;
    const uint64_t count = due - taken_ < most ? due - taken_ : most;
    taken_ = due;
    return count;
  }

 private:
  static constexpr std::chrono::milliseconds kMostLate{2};

  uint64_t frames_by(Clock::time_point when) const {
    const std::chrono::duration<double> elapsed = when - start_;
    return static_cast<uint64_t>(elapsed.count() * static_cast<double>(rate_));
  }

  uint64_t rate_;
  Clock::time_point start_;
  uint64_t taken_ = 0;
};

}  // namespace turnpike::load
