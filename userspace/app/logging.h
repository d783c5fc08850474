// SPDX-License-Identifier: Apache-2.0
//
// Logging: where spdlog's default logger writes, and how. All to stderr; safe from any thread.
#pragma once

#include <string>

#include "config/config.h"

namespace turnpike::app {

// text: "2026-01-31 12:00:00.000 info  message"; json: one object a line with time, level and message.
void set_up_logging(const config::Log& options);

// Logs a line that is to be seen at any level, since other tools wait for it.
void log_always(const std::string& line);

}  // namespace turnpike::app
