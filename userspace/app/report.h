// SPDX-License-Identifier: Apache-2.0
//
// The reports on the relay as a whole: `status`, `stats`, `credentials`.
#pragma once

#include <string>

#include "admin/control_protocol.h"
#include "app/relay_view.h"
#include "app/report_totals.h"
#include "util/clock.h"
#include "util/result.h"

namespace turnpike::app {

// Version, uptime, workers, endpoints, interfaces, limits, and all of `stats`.
admin::Json status_report(const RelayView& relay, const Now& now);
// The counters (app/report_counters.h), and how full the kernel's tables are: rows "tables": {"name", "used",
// "size", "refused": entries that found it full}, "taken_over": sessions, "blocked": prefixes.
admin::Json stats_report(const RelayView& relay, const RelayTotals& totals);

// A temporary username and password, and the turn: URIs to use them with. kInvalid: a bad `id` or `lifetime`;
// kUnsupported: the relay has named users only.
Result<admin::Json> credentials_report(const RelayView& relay, const std::string& id, Seconds lifetime,
                                       const Now& now);

}  // namespace turnpike::app
