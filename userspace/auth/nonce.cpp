// SPDX-License-Identifier: Apache-2.0
#include "auth/nonce.h"

#include <openssl/evp.h>

#include "auth/base64.h"
#include "stun/integrity.h"

namespace turnpike::auth {
namespace {

constexpr size_t kTimeSize = 4;
constexpr size_t kMacSize = 8;
constexpr size_t kTextSize = 16;  // of 12 bytes: no padding

Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Sixty-eight years fit either side, so the 32 bits may wrap in 2106.
uint32_t unix_seconds(WallTime time) {
  return static_cast<uint32_t>(time.time_since_epoch().count());
}

}  // namespace

std::string NonceMinter::mint(const Endpoint& client, WallTime now) const {
  return mint_at(client, unix_seconds(now));
}

std::string NonceMinter::mint_at(const Endpoint& client, uint32_t issued) const {
  std::array<uint8_t, kTimeSize + 16 + 2> covered;
  Writer writer(covered);
  writer.u32(issued);
  writer.put(client.address.bytes());
  writer.u16(client.port);
  const stun::Sha256Digest digest = stun::hmac_sha256(key_, {covered});

  std::array<uint8_t, kTimeSize + kMacSize> nonce;
  Writer out(nonce);
  out.u32(issued);
  out.put(Bytes(digest).first(kMacSize));
  return base64(nonce);
}

turn::NonceState NonceMinter::check(std::string_view nonce, const Endpoint& client, WallTime now) const {
  if (nonce.size() != kTextSize) return turn::NonceState::kForged;
  std::array<uint8_t, kTextSize> decoded{};
  EVP_DecodeBlock(decoded.data(), as_bytes(nonce).data(), kTextSize);
  const uint32_t issued = Reader(decoded).u32();
  // Texts are compared, not decoded bytes: base64 has several spellings, ours has one.
  if (!stun::equal_in_constant_time(as_bytes(nonce), as_bytes(mint_at(client, issued))))
    return turn::NonceState::kForged;
  const auto age = static_cast<int32_t>(unix_seconds(now) - issued);
  if (age < 0) return turn::NonceState::kForged;
  return Seconds(age) < lifetime_ ? turn::NonceState::kValid : turn::NonceState::kStale;
}

}  // namespace turnpike::auth
