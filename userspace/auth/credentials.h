// SPDX-License-Identifier: Apache-2.0
//
// Where passwords come from. StaticUsers: a table. RestSecrets: timed usernames that another service makes
// with a secret it shares with the relay (draft-uberti-behave-turn-rest-00 §2.2):
//
//   username  EXPIRY or EXPIRY:ID, EXPIRY in Unix seconds
//   password  base64(HMAC-SHA1(secret, username))
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/clock.h"
#include "util/random.h"

namespace turnpike::auth {

class StaticUsers {
 public:
  StaticUsers() = default;
  explicit StaticUsers(const std::map<std::string, std::string>& passwords)
      : passwords_(passwords.begin(), passwords.end()) {}

  std::optional<std::string_view> password_of(std::string_view username) const;

 private:
  std::map<std::string, std::string, std::less<>> passwords_;
};

class RestSecrets {
 public:
  RestSecrets() = default;
  // Several secrets while one replaces another; the newest first.
  explicit RestSecrets(std::vector<std::string> secrets) : secrets_(std::move(secrets)) {}

  // One for each secret, in their order. Empty when `username` is not timed, or expired: `now` has reached
  // its expiry.
  std::vector<std::string> passwords_of(std::string_view username, WallTime now) const;

 private:
  std::vector<std::string> secrets_;
};

struct TemporaryCredentials {
  std::string username;
  std::string password;
  WallTime expires;
};

// What a client needs to use the relay from `now` for `lifetime`. `id` may be empty.
TemporaryCredentials make_temporary_credentials(std::string_view secret, std::string_view id,
                                                Seconds lifetime, WallTime now);
// A fresh secret: 32 random bytes as base64url.
std::string generate_secret(Random& random);

}  // namespace turnpike::auth
