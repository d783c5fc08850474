// SPDX-License-Identifier: Apache-2.0
//
// The reports on allocations: `sessions` and `show`.
#pragma once

#include <string_view>
#include <vector>

#include "admin/control_protocol.h"
#include "app/relay_view.h"
#include "fastpath/fast_path.h"
#include "turn/server.h"
#include "util/clock.h"
#include "util/result.h"

namespace turnpike::app {

// A snapshot names a permission's peer as its client does; the fast path knows it as it is on the interface.
fastpath::FlowStatus why_permitted(const RelayView& relay, AllocationId id, const IpAddress& peer);

// One row an allocation. "path" judges the packets relayed so far: "fast" when the kernel carried at least
// 99 % of them, "slow" at most 1 %, "mixed" in between, "idle" when there were none. "refused": by limits, in
// the kernel.
admin::Json sessions_report(const std::vector<turn::SessionSnapshot>& sessions,
                            const fastpath::FastPath& fast_path, const Now& now);

// The allocation whose id starts with `id` (hexadecimal digits); points into `sessions`. kNotFound and
// kInvalid (several of them) name candidates.
Result<const turn::SessionSnapshot*> find_session(const std::vector<turn::SessionSnapshot>& sessions,
                                                  std::string_view id);

// That allocation, with its permissions and channels and how each is carried now.
Result<admin::Json> show_report(const std::vector<turn::SessionSnapshot>& sessions, std::string_view id,
                                const RelayView& relay, const Now& now);

}  // namespace turnpike::app
