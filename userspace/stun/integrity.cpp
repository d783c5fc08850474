// SPDX-License-Identifier: Apache-2.0
#include "stun/integrity.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace turnpike::stun {
namespace {

void require(bool done, const char* algorithm) {
  if (done) return;
  std::fprintf(stderr,
               "OpenSSL refuses %s, which STUN cannot do without (RFC 8489 §9.2.2, §14.5): check openssl.cnf "
               "for a provider or FIPS setting that removes it\n",
               algorithm);
  std::abort();
}

// One HMAC context a thread and digest: fetching an algorithm takes OpenSSL 3 longer than the HMAC itself.
class Hmac {
 public:
  explicit Hmac(const char* digest) : digest_(digest) {
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                                EVP_MAC_free);
    context_.reset(EVP_MAC_CTX_new(mac.get()));
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
        OSSL_PARAM_construct_end()};
    require(context_ && EVP_MAC_CTX_set_params(context_.get(), parameters) == 1, digest_);
  }

  void compute(Bytes key, std::initializer_list<Bytes> parts, MutableBytes digest) {
    // A null key would mean "the one of the last call".
    static constexpr uint8_t kNoKey = 0;
    const uint8_t* key_bytes = key.empty() ? &kNoKey : key.data();
    bool done = EVP_MAC_init(context_.get(), key_bytes, key.size(), nullptr) == 1;
    for (Bytes part : parts)
      done = done && EVP_MAC_update(context_.get(), part.data(), part.size()) == 1;
    size_t written = 0;
    done = done && EVP_MAC_final(context_.get(), digest.data(), &written, digest.size()) == 1;
    require(done && written == digest.size(), digest_);
  }

 private:
  struct Free {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
  };
  const char* digest_;
  std::unique_ptr<EVP_MAC_CTX, Free> context_;
};

class Md5 {
 public:
  Md5() { require(md5_ && context_, "MD5"); }

  LongTermKey compute(std::initializer_list<std::string_view> parts) {
    bool done = EVP_DigestInit_ex2(context_.get(), md5_.get(), nullptr) == 1;
    for (std::string_view part : parts)
      done = done && EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1;
    LongTermKey digest;
    unsigned written = 0;
    done = done && EVP_DigestFinal_ex(context_.get(), digest.data(), &written) == 1;
    require(done && written == digest.size(), "MD5");
    return digest;
  }

 private:
  std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> md5_{EVP_MD_fetch(nullptr, "MD5", nullptr), EVP_MD_free};
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = remainder >> 1 ^ ((remainder & 1) != 0 ? 0xEDB88320u : 0u);
    table[byte] = remainder;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

}  // namespace

LongTermKey long_term_key(std::string_view username, std::string_view realm, std::string_view password) {
  thread_local Md5 md5;
  return md5.compute({username, ":", realm, ":", password});
}

Sha1Digest hmac_sha1(Bytes key, std::initializer_list<Bytes> parts) {
  thread_local Hmac hmac("SHA1");
  Sha1Digest digest;
  hmac.compute(key, parts, digest);
  return digest;
}

Sha256Digest hmac_sha256(Bytes key, std::initializer_list<Bytes> parts) {
  thread_local Hmac hmac("SHA256");
  Sha256Digest digest;
  hmac.compute(key, parts, digest);
  return digest;
}

uint32_t crc32(Bytes data) {
  uint32_t remainder = 0xFFFFFFFF;
  for (uint8_t byte : data)
    remainder = remainder >> 8 ^ kCrcTable[(remainder ^ byte) & 0xFF];
  return ~remainder;
}

bool equal_in_constant_time(Bytes a, Bytes b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace turnpike::stun
