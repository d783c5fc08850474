// SPDX-License-Identifier: Apache-2.0
//
// What turnpikectl may ask of a running relay. Each verb gathers from the workers and the fast path and
// answers with JSON; tools/turnpikectl makes tables of it.
#pragma once

#include <string>

#include "admin/control_protocol.h"
#include "admin/control_server.h"
#include "app/relay_view.h"
#include "util/clock.h"
#include "util/result.h"

namespace turnpike::app {

// status, sessions, show, stats, drops, credentials, doctor. `server` and `relay` outlive each other's use.
void register_verbs(admin::ControlServer& server, const RelayView& relay);

// Version, uptime, workers, endpoints, interfaces, and the counters of `stats`.
admin::Json status_report(const RelayView& relay, const Now& now);

// A temporary username and password, and the turn: URIs to use them with. kInvalid: a bad `id` or `lifetime`;
// kUnsupported: the relay has named users only.
Result<admin::Json> credentials_report(const RelayView& relay, const std::string& id, Seconds lifetime,
                                       const Now& now);

}  // namespace turnpike::app
