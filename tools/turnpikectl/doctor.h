// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl doctor: the running relay's checks; without one, this host's.
#pragma once

#include <string>

#include "turnpikectl/context.h"

namespace turnpike::ctl {

std::string render_doctor(const Json& report);
// `config_file`: what to expect of the host when no relay runs; empty: the defaults.
// kRefused when a check fails; a warning is no failure.
int run_doctor(const Context& context, const std::string& config_file);

}  // namespace turnpike::ctl
