// SPDX-License-Identifier: Apache-2.0
//
// What the log says of a turn::Event, at level debug. Addresses and user names only when asked for.
#pragma once

#include <string>

#include "turn/commands.h"

namespace turnpike::app {

std::string describe(const turn::Event& event, bool with_addresses);
void log_event(const turn::Event& event, bool with_addresses);

}  // namespace turnpike::app
