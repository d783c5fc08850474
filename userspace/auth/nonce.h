// SPDX-License-Identifier: Apache-2.0
//
// NonceMinter: nonces of RFC 8489 §9.2 that need no state to check. A nonce is sixteen characters, so that a
// 401 stays small beside the request that drew it:
//
//   base64( time of issue, 32 bits, Unix seconds | HMAC-SHA256(key; time, address, port), first 64 bits )
//
// Any thread may use one; processes that share the key (workers, a successor) take each other's nonces.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "turn/environment.h"
#include "util/clock.h"
#include "util/endpoint.h"

namespace turnpike::auth {

class NonceMinter {
 public:
  using Key = std::array<uint8_t, 32>;  // random and secret

  NonceMinter(const Key& key, Seconds lifetime) : key_(key), lifetime_(lifetime) {}

  std::string mint(const Endpoint& client, WallTime now) const;
  // kValid while less than the lifetime has passed since the issue; a nonce of the future is kForged.
  turn::NonceState check(std::string_view nonce, const Endpoint& client, WallTime now) const;

 private:
  std::string mint_at(const Endpoint& client, uint32_t issued) const;

  Key key_;
  Seconds lifetime_;
};

}  // namespace turnpike::auth
