// SPDX-License-Identifier: Apache-2.0
#include "auth/credentials.h"

#include <array>
#include <charconv>

#include "auth/base64.h"
#include "stun/integrity.h"

namespace turnpike::auth {
namespace {

Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string timed_password(std::string_view secret, std::string_view username) {
  return base64(stun::hmac_sha1(as_bytes(secret), {as_bytes(username)}));
}

std::optional<WallTime> expiry_of(std::string_view username) {
  const std::string_view digits = username.substr(0, username.find(':'));
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.front() == '-')
    return std::nullopt;
  return WallTime(Seconds(seconds));
}

}  // namespace

std::optional<std::string_view> StaticUsers::password_of(std::string_view username) const {
  const auto found = passwords_.find(username);
  if (found == passwords_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> RestSecrets::passwords_of(std::string_view username, WallTime now) const {
  const auto expires = expiry_of(username);
  if (!expires || now >= *expires) return {};
  std::vector<std::string> passwords;
  passwords.reserve(secrets_.size());
  for (const std::string& secret : secrets_)
    passwords.push_back(timed_password(secret, username));
  return passwords;
}

TemporaryCredentials make_temporary_credentials(std::string_view secret, std::string_view id,
                                                Seconds lifetime, WallTime now) {
  const WallTime expires = now + lifetime;
  std::string username = std::to_string(expires.time_since_epoch().count());
  if (!id.empty()) username.append(":").append(id);
  std::string password = timed_password(secret, username);
  return {std::move(username), std::move(password), expires};
}

std::string generate_secret(Random& random) {
  std::array<uint8_t, 32> bytes;
  random.fill(bytes);
  return base64_url(bytes);
}

}  // namespace turnpike::auth
