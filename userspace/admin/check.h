// SPDX-License-Identifier: Apache-2.0
//
// Check: one finding of `doctor`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admin/control_protocol.h"

namespace turnpike::admin {

enum class Verdict : uint8_t { kOk, kWarn, kFail };
std::string_view to_string(Verdict verdict);  // "ok", "warn", "fail"

struct Check {
  std::string name;  // "capabilities"
  Verdict verdict = Verdict::kOk;
  std::string found{};     // what is
  std::string advice{};    // what to do, with the exact command where there is one; empty when all is well
  Json details = nullptr;  // for programs only; null when there are none
};

// {"verdict": the worst, "checks": [{"name", "verdict", "found", "advice"}, ...]}
Json to_json(const std::vector<Check>& checks);

}  // namespace turnpike::admin
