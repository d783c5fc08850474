// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl status: the relay on one page.
#pragma once

#include <string>

#include "turnpikectl/context.h"

namespace turnpike::ctl {

std::string render_status(const Json& status);
int run_status(const Context& context);

}  // namespace turnpike::ctl
