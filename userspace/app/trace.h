// SPDX-License-Identifier: Apache-2.0
//
// The verb `trace`: one session's packets as the fast path sees them, streamed while the client listens. One
// trace at a time, since the program keeps one id. Control thread.
//
// An item: {"time": Unix time in ns, "verdict", "reason", "meaning",
//           "in": {"interface", "length", "data": base64},
//           "out": {"time", "interface", "length", "data"}}    "out" only when the packet left
// The end: {"packets", "rate_limited", "slow_reader", "incomplete": packets not shown, "ended": why}
#pragma once

#include <memory>

#include "admin/stream.h"
#include "app/relay_view.h"

namespace turnpike::app {

// Arguments: "id" (the start of a session's), and optionally "packets" and "seconds", after which it ends,
// and "rate", packets a second at most. kUnsupported when the kernel relays nothing, kInUse while another
// runs.
admin::StreamHandler trace_verb(const RelayView& relay);

}  // namespace turnpike::app
