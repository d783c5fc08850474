// SPDX-License-Identifier: Apache-2.0
//
// What to do when a driver refuses native XDP: from the driver and the kernel's words to a command.
#pragma once

#include <string>

namespace turnpike::fastpath {

// Empty when none is known. `interface` stands in the command.
std::string remedy_for(const std::string& driver, const std::string& reason, const std::string& interface);

}  // namespace turnpike::fastpath
