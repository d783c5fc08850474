// SPDX-License-Identifier: Apache-2.0
//
// RelayAuthenticator: the relay's users, secrets and nonces as turn::Server asks for them. Nothing changes
// after construction, so every worker may call it at once.
#pragma once

#include <string>

#include "auth/credentials.h"
#include "auth/nonce.h"
#include "turn/environment.h"

namespace turnpike::auth {

class RelayAuthenticator final : public turn::Authenticator {
 public:
  RelayAuthenticator(std::string realm, StaticUsers users, RestSecrets secrets, NonceMinter nonces)
      : realm_(std::move(realm)), users_(std::move(users)), secrets_(std::move(secrets)), nonces_(nonces) {}

  // A user of the table has that one key, even where the name looks timed.
  std::vector<stun::LongTermKey> keys_for(std::string_view username, const Now& now) const override;
  std::string make_nonce(const Endpoint& client, const Now& now) const override;
  turn::NonceState check_nonce(std::string_view nonce, const Endpoint& client, const Now& now) const override;

 private:
  std::string realm_;
  StaticUsers users_;
  RestSecrets secrets_;
  NonceMinter nonces_;
};

}  // namespace turnpike::auth
