// SPDX-License-Identifier: Apache-2.0
//
// What to tell when a table of the fast path is nearly full.
#pragma once

#include <string>
#include <vector>

#include "fastpath/fast_path.h"

namespace turnpike::app {

// One line for each table of which at least 90 % are in use, naming the key that gives it more room.
std::vector<std::string> full_tables(const std::vector<fastpath::TableUse>& tables);

}  // namespace turnpike::app
