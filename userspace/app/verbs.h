// SPDX-License-Identifier: Apache-2.0
//
// What turnpikectl may ask of a running relay. Each verb gathers from the workers and the fast path and
// answers with JSON; tools/turnpikectl makes tables of it.
#pragma once

#include "admin/control_server.h"
#include "app/relay_view.h"

namespace turnpike::app {

// status, sessions, show, stats, drops, credentials, doctor, block, unblock, blocked, trace. `server` and
// `relay` outlive each other's use.
void register_verbs(admin::ControlServer& server, const RelayView& relay);

}  // namespace turnpike::app
