// SPDX-License-Identifier: Apache-2.0
//
// Numbers for people.
#pragma once

#include <cstdint>
#include <string>

namespace turnpike::ctl {

std::string format_count(uint64_t count);      // "1,234,567"
std::string format_bytes(uint64_t bytes);      // "999 B", "1.2 KiB", "34.5 GiB"
std::string format_duration(int64_t seconds);  // "45s", "3m 20s", "2h 03m", "5d 04h"
std::string format_share(double share);        // 0.9987: "99.87 %"; never "100 %" for less than all
std::string format_utc(int64_t unix_seconds);  // "2026-01-31 12:00:00 UTC"
// "1 flow", "2 flows".
std::string format_plural(uint64_t count, const std::string& noun);

}  // namespace turnpike::ctl
