// SPDX-License-Identifier: Apache-2.0
//
// Keys and digests of RFC 8489: HMAC-SHA1 and -SHA256, the long-term key (MD5 of username:realm:password,
// §9.2.2), CRC-32 of FINGERPRINT. All by OpenSSL but the CRC. Any thread may call them. They abort the
// process when OpenSSL refuses an algorithm (MD5 under a FIPS policy, say): no request can be judged then.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "util/bytes.h"

namespace turnpike::stun {

using LongTermKey = std::array<uint8_t, 16>;
using Sha1Digest = std::array<uint8_t, 20>;
using Sha256Digest = std::array<uint8_t, 32>;

// The bytes are taken as they are, nothing prepares them: what OpaqueString (RFC 8265 §4.2) would change on
// one side must be so already on both, so passwords beyond ASCII must be in NFC.
LongTermKey long_term_key(std::string_view username, std::string_view realm, std::string_view password);
// HMAC over the parts in turn, as if they were one. A key of any length, also none.
Sha1Digest hmac_sha1(Bytes key, std::initializer_list<Bytes> parts);
Sha256Digest hmac_sha256(Bytes key, std::initializer_list<Bytes> parts);
uint32_t crc32(Bytes data);                     // ISO-HDLC, as FINGERPRINT uses it, before the XOR
bool equal_in_constant_time(Bytes a, Bytes b);  // takes as long for any bytes of the same length

}  // namespace turnpike::stun
