// SPDX-License-Identifier: Apache-2.0
//
// The privileges that the relay needs. The kernel's EPERM does not name what is missing, so they are checked
// before anything is touched.
#pragma once

#include <cstdint>
#include <string>

#include "util/result.h"

namespace turnpike {

// CAP_BPF and CAP_PERFMON to load the programs (they compare packet pointers), CAP_NET_ADMIN to attach them
// and to steer sockets, CAP_NET_RAW to send from relay ports. One bit a capability, as capabilities(7)
// numbers them.
uint64_t needed_capabilities();
// The calling thread's effective set.
uint64_t effective_capabilities();
// "CAP_BPF, CAP_NET_RAW". CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, which came out of it.
std::string missing_capabilities(uint64_t effective);
// The names in `set`, joined by ", ".
std::string capability_names(uint64_t set);

// kPermission, naming what is missing and how to grant it.
Result<void> check_capabilities();

}  // namespace turnpike
