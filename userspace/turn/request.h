// SPDX-License-Identifier: Apache-2.0
//
// A request on its way through the server, and the value that says why it is refused.
#pragma once

#include <optional>
#include <string_view>
#include <tl/expected.hpp>

#include "stun/message.h"
#include "util/clock.h"
#include "util/endpoint.h"

namespace turnpike::turn {

// Who the request's MESSAGE-INTEGRITY proved to have sent it; the answer is signed with the same key.
struct Identity {
  std::string_view username;  // borrows the message
  stun::LongTermKey key;
};

struct Request {
  const stun::MessageView& message;
  const FiveTuple& five_tuple;
  const Now& now;
  std::optional<Identity> identity;  // set once authenticated
};

struct Refusal {
  stun::StatusCode code;
  const char* reason;      // static text, one per cause, for the log
  bool challenge = false;  // the answer carries REALM and a fresh NONCE
};

template <class T>
using OrRefusal = tl::expected<T, Refusal>;
using Outcome = OrRefusal<void>;

inline tl::unexpected<Refusal> refuse(stun::StatusCode code, const char* reason) {
  return tl::unexpected<Refusal>(Refusal{code, reason});
}
template <class T>
tl::unexpected<Refusal> refuse(const OrRefusal<T>& refused) {
  return tl::unexpected<Refusal>(refused.error());
}

}  // namespace turnpike::turn
