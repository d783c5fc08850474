// SPDX-License-Identifier: Apache-2.0
//
// RelayTotals: the workers' counters, asked of each on its own thread and summed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "app/relay_view.h"
#include "turn/server.h"

namespace turnpike::app {

using DropCounters = std::array<uint64_t, static_cast<size_t>(turn::DropReason::kCount)>;

struct WorkerTotals {
  unsigned index = 0;
  int core = -1;
  bool running = false;  // false: the worker has stopped, and the rest is 0
  size_t allocations = 0;
  size_t permissions = 0;
  size_t channels = 0;
  turn::Counters slow;
  DropCounters drops{};
  WorkerCounters io;
};

struct RelayTotals {
  std::vector<WorkerTotals> workers;
  WorkerTotals sum;  // running: all of them
  uint64_t icmp_ignored = 0;
};

RelayTotals gather_totals(const RelayView& relay);
// The allocations of all workers, by id.
std::vector<turn::SessionSnapshot> gather_sessions(const RelayView& relay, const Now& now);

}  // namespace turnpike::app
