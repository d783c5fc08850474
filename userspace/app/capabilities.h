// SPDX-License-Identifier: Apache-2.0
//
// The privileges that the daemon needs, checked before anything is touched: the kernel's EPERM does not name
// what is missing.
#pragma once

#include "util/result.h"

namespace turnpike::app {

// kPermission, naming what is missing and how to grant it, unless the process has
//   CAP_BPF        to load the programs
//   CAP_NET_ADMIN  to attach them, to steer sockets, and for large buffers
//   CAP_NET_RAW    to send from relay ports
Result<void> check_capabilities();

}  // namespace turnpike::app
