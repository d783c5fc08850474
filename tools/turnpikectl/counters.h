// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl stats, drops: packets and bytes, relayed and not.
#pragma once

#include <string>

#include "turnpikectl/context.h"

namespace turnpike::ctl {

// The table of who relayed how much, from the "relayed" of stats and status.
std::string render_relayed(const Json& relayed);
std::string render_stats(const Json& stats);
std::string render_drops(const Json& rows);

int run_stats(const Context& context);
// `all`: the reasons that never happened too.
int run_drops(const Context& context, bool all);

}  // namespace turnpike::ctl
