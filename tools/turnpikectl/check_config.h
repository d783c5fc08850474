// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl check-config FILE: whether the relay would take it, and what it would then do.
#pragma once

#include <string>

#include "config/config.h"
#include "turnpikectl/context.h"

namespace turnpike::ctl {

// The effective settings, named as in the file. Secrets and passwords are counted, not shown.
Json settings_of(const config::Config& config);
std::string render_settings(const Json& settings);

int run_check_config(const Context& context, const std::string& file);

}  // namespace turnpike::ctl
