// SPDX-License-Identifier: Apache-2.0
//
// The reports that count packets: `stats` and `drops`.
#pragma once

#include "admin/control_protocol.h"
#include "app/report_totals.h"
#include "fastpath/fast_path.h"

namespace turnpike::app {

// {"relayed": {"fast": {"packets", "bytes", "to_peer", "to_client", "hairpin"}, "slow": {...}, "fast_share"},
//  "allocations", "permissions", "channels", ...}. Indications count with ChannelData of their direction. A
// datagram between two clients of this relay counts once in the kernel, and in userspace once on each leg:
// out of one allocation and into the other.
admin::Json counters_report(const fastpath::ReasonCounters& fast, const RelayTotals& totals);

// Rows {"path", "verdict", "reason", "packets", "bytes", "meaning"}, for each reason: what the kernel relayed
// and answered, passed on to userspace ("passed": not lost) or dropped, and what userspace dropped. Rows of 0
// packets only when `all`.
admin::Json drops_report(const fastpath::ReasonCounters& fast, const RelayTotals& totals, bool all);

}  // namespace turnpike::app
