// SPDX-License-Identifier: Apache-2.0
//
// The table of packets and what becomes of each: relay_table_test runs it, and checks that it has every
// reason.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "world.h"

namespace turnpike::bpf_test {

struct Row {
  std::string name;  // in the message of a failure
  Octets packet;
  tp_reason reason;
  std::optional<Octets> output;  // none: PASS, the packet as it came
  uint64_t bytes = 0;            // of application data, that the reason's counter moves by
  World world = standard_world();
};

std::vector<Row> relayed_rows();
std::vector<Row> passed_rows();

}  // namespace turnpike::bpf_test
