// SPDX-License-Identifier: Apache-2.0
//
// `hold`: makes allocations and keeps them, for somebody else to look at the relay meanwhile.
#pragma once

#include <functional>

#include "options.h"

namespace turnpike::load {

struct Held {
  unsigned allocations = 0;
  double seconds = 0;  // that making them took
};

// Calls `ready` when all are there, refreshes them until SIGTERM, SIGINT or the end of standard input (a
// pipe, a socket or a terminal), and ends them. An error when one could not be made, or was lost.
Result<void> hold(const HoldOptions& options, const std::function<void(const Held&)>& ready);

}  // namespace turnpike::load
