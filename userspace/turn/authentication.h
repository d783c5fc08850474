// SPDX-License-Identifier: Apache-2.0
//
// The long-term credential mechanism, server's side (RFC 8489 §9.2.4).
#pragma once

#include "turn/environment.h"
#include "turn/request.h"

namespace turnpike::turn {

// 401, 400 or 438 when the request does not prove who sent it. Costs no state.
OrRefusal<Identity> authenticate(const Request& request, const Authenticator& authenticator);

}  // namespace turnpike::turn
