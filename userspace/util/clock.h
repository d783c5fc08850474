// SPDX-License-Identifier: Apache-2.0
//
// Time as the core sees it. Everything that expires does so on the monotonic clock, which is the clock that
// the kernel's BPF programs read (CLOCK_MONOTONIC, nanoseconds since boot, stopped during suspend). The wall
// clock is only for what outlives a boot or comes from outside: nonces and timed credentials.
#pragma once

#include <chrono>
#include <cstdint>

namespace turnpike {

using Seconds = std::chrono::seconds;
using Nanoseconds = std::chrono::nanoseconds;
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Nanoseconds>;  // CLOCK_MONOTONIC
using WallTime = std::chrono::sys_seconds;                                              // Unix time

struct Now {
  MonotonicTime monotonic;
  WallTime wall;
};

inline Now read_clocks() {
  return {std::chrono::steady_clock::now(),
          std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
}

// Nanoseconds since boot, as bpf_ktime_get_ns() counts them.
inline uint64_t kernel_nanoseconds(MonotonicTime time) {
  return static_cast<uint64_t>(time.time_since_epoch().count());
}

}  // namespace turnpike
