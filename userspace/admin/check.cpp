// SPDX-License-Identifier: Apache-2.0
#include "admin/check.h"

#include <algorithm>

namespace turnpike::admin {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      break;
  }
  return "fail";
}

Json to_json(const std::vector<Check>& checks) {
  Verdict worst = Verdict::kOk;
  Json rows = Json::array();
  for (const Check& check : checks) {
    worst = std::max(worst, check.verdict);
    Json row = {{"name", check.name},
                {"verdict", to_string(check.verdict)},
                {"found", check.found},
                {"advice", check.advice}};
    if (!check.details.is_null()) row["details"] = check.details;
    rows.push_back(std::move(row));
  }
  return {{"verdict", to_string(worst)}, {"checks", std::move(rows)}};
}

}  // namespace turnpike::admin
