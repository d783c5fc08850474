// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "util/ip_address.h"
#include "util/result.h"

namespace turnpike::net {

// The largest IP packet, in bytes, that the way from `source` to `destination` is known to take: the outgoing
// interface's MTU, or less where the kernel learnt so. Both of one family.
Result<uint32_t> path_mtu(const IpAddress& source, const IpAddress& destination);

}  // namespace turnpike::net
