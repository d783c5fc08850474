// SPDX-License-Identifier: Apache-2.0
#include "auth/relay_authenticator.h"

#include "util/credential_limits.h"

namespace turnpike::auth {

std::vector<stun::LongTermKey> RelayAuthenticator::keys_for(std::string_view username, const Now& now) const {
  if (!is_well_formed_username(username)) return {};
  if (const auto password = users_.password_of(username))
    return {stun::long_term_key(username, realm_, *password)};
  std::vector<stun::LongTermKey> keys;
  for (const std::string& password : secrets_.passwords_of(username, now.wall))
    keys.push_back(stun::long_term_key(username, realm_, password));
  return keys;
}

std::string RelayAuthenticator::make_nonce(const Endpoint& client, const Now& now) const {
  return nonces_.mint(client, now.wall);
}

turn::NonceState RelayAuthenticator::check_nonce(std::string_view nonce, const Endpoint& client,
                                                 const Now& now) const {
  return nonces_.check(nonce, client, now.wall);
}

}  // namespace turnpike::auth
