// SPDX-License-Identifier: Apache-2.0
//
// Addresses that no peer has unless the operator says so: the special-purpose ranges of RFC 6890 and IANA's
// registries, in both families.
#pragma once

#include "util/ip_address.h"

namespace turnpike::guard {

// Why `address` is reserved, as static text: "private-use (RFC 1918)", …; nullptr when it is not. Looks at
// the address as it is written; forms with an IPv4 address inside are the matter of readings().
const char* reserved_reason(const IpAddress& address);

}  // namespace turnpike::guard
