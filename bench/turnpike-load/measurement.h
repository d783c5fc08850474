// SPDX-License-Identifier: Apache-2.0
//
// One measurement: flows set up, a warm-up, then frames for a while, counted where they arrive.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "options.h"

namespace turnpike::load {

struct Report {
  double seconds = 0;
  uint64_t sent = 0;
  uint64_t delivered = 0;      // while frames were being made: what delivered_pps is of
  uint64_t delivered_all = 0;  // what was still on its way included: what loss() is of

  double sent_pps() const { return static_cast<double>(sent) / seconds; }
  double delivered_pps() const { return static_cast<double>(delivered) / seconds; }
  double loss() const;  // 0 to 1
};

Result<Report> measure(const Options& options);
nlohmann::json to_json(const Options& options, const Report& report);

}  // namespace turnpike::load
