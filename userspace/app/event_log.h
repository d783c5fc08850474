// SPDX-License-Identifier: Apache-2.0
//
// What the log says of a turn::Event, at level debug, and of the kernel's events. Addresses and user names
// only when asked for.
#pragma once

#include <string>

#include "app/log_limit.h"
#include "bpf/abi.h"
#include "turn/commands.h"

namespace turnpike::app {

std::string describe(const turn::Event& event, bool with_addresses);
void log_event(const turn::Event& event, bool with_addresses);

// TP_EVENT_LIMIT, at level info: once in a while, however many allocations meet their limits.
void log_limit(const tp_event& event, LogLimit& limit);

}  // namespace turnpike::app
