// SPDX-License-Identifier: Apache-2.0
//
// The verbs on blocked sources: `block`, `unblock` and `blocked`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "admin/control_protocol.h"
#include "app/blocks.h"
#include "util/clock.h"
#include "util/result.h"

namespace turnpike::app {

// "192.0.2.0/24", "2001:db8::/32" or an address; without `seconds` until it is unblocked. {"prefix",
// "expires"}
Result<admin::Json> block(Blocks& blocks, const std::string& prefix, std::optional<int64_t> seconds,
                          const Now& now);
// {"prefix"}. kNotFound when it was not blocked: a block ends by the prefix that made it.
Result<admin::Json> unblock(Blocks& blocks, const std::string& prefix);
// Rows {"prefix", "expires": Unix time, "expires_in_s"}; without the times when it stays.
admin::Json blocked_report(const Blocks& blocks, const Now& now);

}  // namespace turnpike::app
