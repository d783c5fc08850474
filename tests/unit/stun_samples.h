// SPDX-License-Identifier: Apache-2.0
//
// The RFCs' sample messages, and messages of our own for the STUN tests.
#pragma once

#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "stun/message.h"

namespace turnpike::stun {

using Buffer = std::vector<uint8_t>;

inline Buffer read_vector(const std::string& name) {
  std::ifstream file(std::string(TURNPIKE_VECTORS) + "/" + name, std::ios::binary);
  return Buffer(std::istreambuf_iterator<char>(file), {});
}

inline Bytes text_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// RFC 5769 §2: short-term credentials use the password's bytes as the key.
inline constexpr std::string_view kShortTermPassword = "VOkJxbRl1RmTxUk/WvJxBt";
// RFC 5769 §2.4: U+30DE U+30C8 U+30EA U+30C3 U+30AF U+30B9.
inline constexpr std::string_view kLongTermUsername =
    "\xE3\x83\x9E\xE3\x83\x88\xE3\x83\xAA\xE3\x83\x83\xE3\x82\xAF\xE3\x82\xB9";
inline constexpr std::string_view kLongTermRealm = "example.org";
inline constexpr std::string_view kLongTermPassword = "TheMatrIX";
inline constexpr std::string_view kLongTermNonce = "f//499k954d6OL34oL9FSTvy64sA";

inline constexpr TransactionId kShortTermId{0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                            0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};
inline constexpr TransactionId kLongTermId{0x78, 0xad, 0x34, 0x33, 0xc6, 0xad,
                                           0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e};

struct Sample {
  const char* file;
  bool short_term;
};
inline constexpr Sample kSamples[] = {
    {"rfc5769-2.1-request-shortterm.bin", true},
    {"rfc5769-2.2-response-ipv4.bin", true},
    {"rfc5769-2.3-response-ipv6.bin", true},
    {"rfc5769-2.4-request-longterm.bin", false},
};

inline Buffer key_of(const Sample& sample) {
  if (sample.short_term) return Buffer(kShortTermPassword.begin(), kShortTermPassword.end());
  const LongTermKey key = long_term_key(kLongTermUsername, kLongTermRealm, kLongTermPassword);
  return Buffer(key.begin(), key.end());
}

// A message as raw parts, for shapes that MessageBuilder would not write.
inline Buffer raw_message(const std::vector<std::pair<AttributeType, Buffer>>& attributes,
                          uint16_t type = 0x0001) {
  Buffer body;
  for (const auto& [attribute, value] : attributes) {
    const auto number = static_cast<uint16_t>(attribute);
    body.insert(body.end(), {static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number),
                             static_cast<uint8_t>(value.size() >> 8), static_cast<uint8_t>(value.size())});
    body.insert(body.end(), value.begin(), value.end());
    body.resize((body.size() + 3) & ~size_t{3});
  }
  Buffer message{static_cast<uint8_t>(type >> 8),
                 static_cast<uint8_t>(type),
                 static_cast<uint8_t>(body.size() >> 8),
                 static_cast<uint8_t>(body.size()),
                 0x21,
                 0x12,
                 0xA4,
                 0x42};
  message.insert(message.end(), kShortTermId.begin(), kShortTermId.end());
  message.insert(message.end(), body.begin(), body.end());
  return message;
}

}  // namespace turnpike::stun
