// SPDX-License-Identifier: Apache-2.0
#include "stun/message.h"

namespace turnpike::stun {
namespace {

uint16_t type_field(Method method, Class message_class) {
  const auto m = static_cast<unsigned>(method);
  const auto c = static_cast<unsigned>(message_class);
  return static_cast<uint16_t>((m & 0x00F) | (m & 0x070) << 1 | (m & 0xF80) << 2 | (c & 1) << 4 |
                               (c & 2) << 7);
}

}  // namespace

MessageBuilder::MessageBuilder(MutableBytes buffer, Method method, Class message_class,
                               const TransactionId& id)
    : writer_(buffer), id_(id) {
  writer_.u16(type_field(method, message_class));
  writer_.u16(0);
  writer_.u32(kMagicCookie);
  writer_.put(id);
}

MessageBuilder& MessageBuilder::add(AttributeType type, Bytes value) {
  open_attribute(type, value.size());
  writer_.put(value);
  close_attribute();
  return *this;
}

MessageBuilder& MessageBuilder::add_text(AttributeType type, std::string_view text) {
  return add(type, Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

MessageBuilder& MessageBuilder::add_u32(AttributeType type, uint32_t value) {
  open_attribute(type, sizeof value);
  writer_.u32(value);
  return *this;
}

MessageBuilder& MessageBuilder::add_channel_number(uint16_t channel) {
  // The two bytes after the number are RFFU, zero when sent (RFC 8656 §18.1).
  return add_u32(AttributeType::kChannelNumber, uint32_t{channel} << 16);
}

MessageBuilder& MessageBuilder::add_xor_address(AttributeType type, const Endpoint& endpoint) {
  const Bytes address = endpoint.address.wire();
  open_attribute(type, 4 + address.size());
  writer_.u8(0);
  writer_.u8(endpoint.address.is_v4() ? 0x01 : 0x02);
  writer_.u16(endpoint.port ^ static_cast<uint16_t>(kMagicCookie >> 16));
  for (size_t i = 0; i < address.size(); ++i)
    writer_.u8(address[i] ^ xor_mask_byte(i, id_));
  return *this;
}

MessageBuilder& MessageBuilder::add_error_code(StatusCode code) {
  return add_error_code(code, reason_phrase(code));
}

MessageBuilder& MessageBuilder::add_error_code(StatusCode code, std::string_view reason) {
  const auto number = static_cast<unsigned>(code);
  open_attribute(AttributeType::kErrorCode, 4 + reason.size());
  writer_.u16(0);
  writer_.u8(static_cast<uint8_t>(number / 100));
  writer_.u8(static_cast<uint8_t>(number % 100));
  writer_.put(Bytes(reinterpret_cast<const uint8_t*>(reason.data()), reason.size()));
  close_attribute();
  return *this;
}

MessageBuilder& MessageBuilder::add_unknown_attributes(std::span<const uint16_t> types) {
  open_attribute(AttributeType::kUnknownAttributes, 2 * types.size());
  for (uint16_t type : types)
    writer_.u16(type);
  close_attribute();
  return *this;
}

MessageBuilder& MessageBuilder::add_integrity(Bytes key) {
  set_length(4 + sizeof(Sha1Digest));
  return add(AttributeType::kMessageIntegrity, hmac_sha1(key, {writer_.written()}));
}

MessageBuilder& MessageBuilder::add_fingerprint() {
  set_length(8);
  return add_u32(AttributeType::kFingerprint, crc32(writer_.written()) ^ kFingerprintMask);
}

Bytes MessageBuilder::finish() {
  if (!writer_.ok() || writer_.position() - kHeaderSize > 0xFFFF) return {};
  set_length(0);
  return writer_.written();
}

void MessageBuilder::open_attribute(AttributeType type, size_t size) {
  writer_.u16(static_cast<uint16_t>(type));
  writer_.u16(static_cast<uint16_t>(size));
}

void MessageBuilder::close_attribute() {
  writer_.zeros((4 - writer_.position() % 4) % 4);
}

void MessageBuilder::set_length(size_t pretended_extra) {
  if (!writer_.ok()) return;
  writer_.patch_u16(2, static_cast<uint16_t>(writer_.position() - kHeaderSize + pretended_extra));
}

}  // namespace turnpike::stun
