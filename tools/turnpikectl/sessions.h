// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl sessions, show ID: the allocations.
#pragma once

#include <string>

#include "turnpikectl/context.h"

namespace turnpike::ctl {

std::string render_sessions(const Json& rows);
std::string render_session(const Json& session);

int run_sessions(const Context& context);
// `id`: the start of a session's id, as far as it is unique.
int run_show(const Context& context, const std::string& id);

}  // namespace turnpike::ctl
