// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl drops --watch: the reasons as they move.
#pragma once

#include <chrono>
#include <string>

#include "turnpikectl/context.h"

namespace turnpike::ctl {

// Rows of `drops` that moved between two answers, with "packets" that came meanwhile and "packets_per_s". A
// counter that fell belongs to a relay that was started anew: all it has came meanwhile.
Json moved_rows(const Json& before, const Json& after, std::chrono::duration<double> time);
std::string render_moved(const Json& rows, int64_t unix_seconds);

// Until Ctrl-C. With --json a line {"time", "interval_s", "rows"} each time.
int run_watch(const Context& context, std::chrono::milliseconds interval);

}  // namespace turnpike::ctl
