// SPDX-License-Identifier: Apache-2.0
//
// MessageView: a parsed STUN message (RFC 8489 §5) that borrows the datagram. Nothing is read past its end.
// MessageBuilder: writes one into a caller's buffer. Neither allocates memory, save for the text of a fault.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "stun/constants.h"
#include "stun/integrity.h"
#include "util/bytes.h"
#include "util/endpoint.h"
#include "util/result.h"

namespace turnpike::stun {

using TransactionId = std::array<uint8_t, kTransactionIdSize>;

// True when the first bytes can only be STUN's: two zero bits, magic cookie (RFC 8489 §5, RFC 7983 §7).
bool looks_like_stun(Bytes datagram);

struct Attribute {
  AttributeType type{};
  Bytes value;        // without padding
  size_t offset = 0;  // of the attribute's header within the message
};

class MessageView {
 public:
  // Accepts a datagram that is exactly one STUN message: cookie, a length that is a multiple of four and
  // agrees with the datagram, attributes that end inside it, at most kMaxAttributes of them. kInvalid with
  // the fault otherwise. RFC 3489 messages (no cookie) are not accepted.
  static Result<MessageView> parse(Bytes datagram);
  static constexpr size_t kMaxAttributes = 64;

  uint16_t method_number() const { return method_; }  // any 12-bit value: methods unknown here parse too
  Method method() const { return static_cast<Method>(method_); }
  Class message_class() const { return class_; }
  const TransactionId& transaction_id() const { return transaction_id_; }
  Bytes datagram() const { return datagram_; }

  // Attributes that count: those before MESSAGE-INTEGRITY, and of those after it only
  // MESSAGE-INTEGRITY-SHA256 and FINGERPRINT; nothing after FINGERPRINT (RFC 8489 §§14.5-14.7).
  std::span<const Attribute> attributes() const { return {attributes_.data(), count_}; }
  // The first of its type (later ones are ignored, RFC 8489 §14).
  std::optional<Attribute> find(AttributeType type) const;
  bool has(AttributeType type) const { return find(type).has_value(); }

  // True when MESSAGE-INTEGRITY is there and its HMAC-SHA1 under `key` agrees; compared in constant time.
  // `key` is a LongTermKey, or the password's bytes where credentials are short-term (RFC 8489 §9.1.1).
  bool verify_integrity(Bytes key) const;
  // True when FINGERPRINT is absent, or present, last and right.
  bool fingerprint_agrees() const;

 private:
  Result<void> read(Bytes datagram);
  Result<void> read_attributes(Reader& reader);

  Bytes datagram_;
  uint16_t method_ = 0;
  Class class_ = Class::kRequest;
  TransactionId transaction_id_{};
  std::array<Attribute, kMaxAttributes> attributes_;
  size_t count_ = 0;
};

// Typed readers of attribute values. nullopt when the value has not the RFC's shape.
std::optional<Endpoint> read_xor_address(Bytes value, const TransactionId& id);  // XOR-*-ADDRESS, §14.2
std::optional<uint32_t> read_u32(Bytes value);                                   // LIFETIME
std::optional<uint16_t> read_channel_number(Bytes value);                        // RFC 8656 §18.1
// Byte `index` of what an XOR-*-ADDRESS is masked with: the magic cookie, then the transaction id (§14.2).
inline uint8_t xor_mask_byte(size_t index, const TransactionId& id) {
  return index < 4 ? static_cast<uint8_t>(kMagicCookie >> (24 - 8 * index)) : id[index - 4];
}
struct ErrorCodeValue {
  uint16_t code;
  std::string_view reason;
};
std::optional<ErrorCodeValue> read_error_code(Bytes value);  // RFC 8489 §14.8
inline std::string_view as_text(Bytes value) {
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

class MessageBuilder {
 public:
  // Writes into `buffer`, which outlives the builder. A message that does not fit, or passes the 65,532 bytes
  // of attributes that the length field can tell, makes finish() empty.
  MessageBuilder(MutableBytes buffer, Method method, Class message_class, const TransactionId& id);

  MessageBuilder& add(AttributeType type, Bytes value);  // pads with zeros (RFC 8489 §14)
  MessageBuilder& add_text(AttributeType type, std::string_view text);
  MessageBuilder& add_u32(AttributeType type, uint32_t value);
  MessageBuilder& add_channel_number(uint16_t channel);
  MessageBuilder& add_xor_address(AttributeType type, const Endpoint& endpoint);
  MessageBuilder& add_error_code(StatusCode code);                           // with its reason phrase
  MessageBuilder& add_error_code(StatusCode code, std::string_view reason);  // may be empty
  MessageBuilder& add_unknown_attributes(std::span<const uint16_t> types);
  // These close the message to what RFC 8489 §14.5 and §14.7 let follow.
  MessageBuilder& add_integrity(Bytes key);  // HMAC-SHA1
  MessageBuilder& add_fingerprint();

  // The whole message; empty when it did not fit.
  Bytes finish();

 private:
  // Opens an attribute; close_attribute() pads what was written since.
  void open_attribute(AttributeType type, size_t size);
  void close_attribute();
  // The length field as if `pretended_extra` more bytes were there: digests cover their own attribute's size.
  void set_length(size_t pretended_extra);

  Writer writer_;
  TransactionId id_;
};

}  // namespace turnpike::stun
