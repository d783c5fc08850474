// SPDX-License-Identifier: Apache-2.0
//
// The paths through the XDP program whose cost is told and tracked: rows of the tests' table, under names for
// readers.
#pragma once

#include "../relay_rows.h"

namespace turnpike::bpf_test {

struct Path {
  std::string name;
  Row row;
};

// A row of the table that is there no more leaves its name in `missing`.
std::vector<Path> all_paths(std::vector<std::string>& missing);

}  // namespace turnpike::bpf_test
