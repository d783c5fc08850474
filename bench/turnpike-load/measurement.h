// SPDX-License-Identifier: Apache-2.0
//
// One measurement of `relay`: flows set up, a warm-up, then frames for a while, counted where they arrive.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "histogram.h"
#include "options.h"

namespace turnpike::load {

struct Report {
  double set_up_seconds = 0;
  double seconds = 0;
  uint64_t sent = 0;
  uint64_t delivered = 0;        // while frames were being made: what delivered_pps is of
  uint64_t delivered_bytes = 0;  // of application data, likewise
  uint64_t delivered_all = 0;    // what was still on its way included: what loss() is of
  std::optional<Histogram> delay;

  double sent_pps() const { return static_cast<double>(sent) / seconds; }
  double delivered_pps() const { return static_cast<double>(delivered) / seconds; }
  double payload_bits_per_second() const { return static_cast<double>(delivered_bytes) * 8 / seconds; }
  double loss() const;  // 0 to 1
};

// `options` were checked.
Result<Report> measure(const RelayOptions& options);
nlohmann::json to_json(const RelayOptions& options, const Report& report);

}  // namespace turnpike::load
