// SPDX-License-Identifier: Apache-2.0
//
// Doctor: what is wrong with a running relay and its host, and what to do about each.
#pragma once

#include <vector>

#include "admin/check.h"
#include "app/relay_view.h"
#include "app/report_totals.h"
#include "util/clock.h"

namespace turnpike::app {

// The host's checks (admin/host_checks.h), then the relay's own.
std::vector<admin::Check> examine(const RelayView& relay, const Now& now);

// The parts, for tests.
std::vector<admin::Check> check_interfaces(const RelayView& relay);
// One check for each reason for which the kernel does not carry a flow, with the flows' allocation ids.
std::vector<admin::Check> check_flows(const RelayView& relay,
                                      const std::vector<turn::SessionSnapshot>& sessions);
std::vector<admin::Check> check_workers(const RelayTotals& totals);
// The kernel's tables: full, or nearly.
std::vector<admin::Check> check_tables(const RelayView& relay);
// What became of an earlier process' sessions.
admin::Check check_takeover(const RelayView& relay);

}  // namespace turnpike::app
