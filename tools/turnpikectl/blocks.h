// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl block, unblock, blocked: sources that are kept out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "turnpikectl/context.h"

namespace turnpike::ctl {

std::string render_block(const Json& block);
std::string render_unblock(const Json& block);
std::string render_blocked(const Json& rows);

// Without `seconds` until it is unblocked.
int run_block(const Context& context, const std::string& prefix, std::optional<int64_t> seconds);
int run_unblock(const Context& context, const std::string& prefix);
int run_blocked(const Context& context);

}  // namespace turnpike::ctl
