// SPDX-License-Identifier: Apache-2.0
#include "turn/authentication.h"

#include "util/credential_limits.h"

namespace turnpike::turn {
namespace {

using stun::AttributeType;
using stun::StatusCode;

tl::unexpected<Refusal> challenge(StatusCode code, const char* reason) {
  return tl::unexpected<Refusal>(Refusal{code, reason, true});
}

}  // namespace

OrRefusal<Identity> authenticate(const Request& request, const Authenticator& authenticator) {
  const stun::MessageView& message = request.message;
  if (!message.has(AttributeType::kMessageIntegrity))
    return challenge(StatusCode::kUnauthenticated, "no credentials");
  const auto username = message.find(AttributeType::kUsername);
  const auto nonce = message.find(AttributeType::kNonce);
  if (!username || !nonce || !message.has(AttributeType::kRealm))
    return refuse(StatusCode::kBadRequest, "MESSAGE-INTEGRITY without USERNAME, REALM or NONCE");
  if (username->value.size() > kMaxUsername)
    return refuse(StatusCode::kBadRequest, "USERNAME of more than 508 bytes");

  // The nonce before the user: a sender that cannot receive at its address learns nothing about users and
  // costs no look-up in a store.
  switch (authenticator.check_nonce(stun::as_text(nonce->value), request.five_tuple.client, request.now)) {
    case NonceState::kValid:
      break;
    case NonceState::kStale:
      return challenge(StatusCode::kStaleNonce, "stale nonce");
    case NonceState::kForged:
      return challenge(StatusCode::kStaleNonce, "nonce of another relay or client");
  }

  const std::string_view name = stun::as_text(username->value);
  const auto keys = authenticator.keys_for(name, request.now);
  if (keys.empty()) return challenge(StatusCode::kUnauthenticated, "unknown or expired user");
  for (const stun::LongTermKey& key : keys)
    if (message.verify_integrity(key)) return Identity{name, key};
  return challenge(StatusCode::kUnauthenticated, "wrong password");
}

}  // namespace turnpike::turn
