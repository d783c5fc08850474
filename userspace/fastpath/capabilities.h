// SPDX-License-Identifier: Apache-2.0
//
// What a process needs to load and attach the BPF programs, checked beforehand: the kernel's own EPERM does
// not name what is missing.
#pragma once

#include "util/result.h"

namespace turnpike::fastpath {

// kPermission, naming the capabilities that the calling thread lacks.
Result<void> check_capabilities();

}  // namespace turnpike::fastpath
