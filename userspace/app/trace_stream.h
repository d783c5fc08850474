// SPDX-License-Identifier: Apache-2.0
//
// The stream of one trace: from the program's events to items for the client (app/trace.h says their form).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "admin/stream.h"
#include "app/relay_view.h"
#include "util/clock.h"
#include "util/endpoint.h"
#include "util/relay_types.h"

namespace turnpike::app {

inline constexpr uint32_t kDefaultTraceRate = 1000;

struct TraceWish {
  AllocationId id;
  uint64_t packets = 0;               // after which it ends; 0: it does not
  Seconds seconds{0};                 // likewise
  uint32_t rate = kDefaultTraceRate;  // packets a second at most
  FiveTuple five_tuple{};             // the session's
};

// The trace that runs.
struct CurrentTrace {
  AllocationId id;
  pid_t process = 0;  // that listens
  MonotonicTime since;
};

// Switches the trace on, and off when it is finished or destroyed. `current` is empty and is set while the
// stream lives, which the others outlive.
std::unique_ptr<admin::Stream> open_trace(const RelayView& relay, const TraceWish& wish,
                                          admin::StreamOutput& output, std::optional<CurrentTrace>& current);

}  // namespace turnpike::app
