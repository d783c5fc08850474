// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace turnpike::app {

// The CPUs that this process may run on, by sched_getaffinity(2); {-1} (any) when the kernel does not tell.
std::vector<int> allowed_cores();

}  // namespace turnpike::app
