// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl credentials: a temporary username and password.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "turnpikectl/context.h"

namespace turnpike::ctl {

std::string render_credentials(const Json& credentials);
// `id`: who they are for, may be empty. Without `lifetime_seconds` the relay's default.
int run_credentials(const Context& context, const std::string& id, std::optional<int64_t> lifetime_seconds);

}  // namespace turnpike::ctl
