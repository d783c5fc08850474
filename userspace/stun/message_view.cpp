// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "stun/message.h"

namespace turnpike::stun {
namespace {

constexpr size_t kFingerprintSize = 4;

size_t padded(size_t size) {
  return (size + 3) & ~size_t{3};
}

// Which attributes still count, after one that closes the message to others (RFC 8489 §§14.5-14.7).
class Order {
 public:
  bool admits(AttributeType type) {
    const int rank = rank_of(type);
    if (rank < next_) return false;
    next_ = rank == 0 ? 0 : rank + 1;
    return true;
  }

 private:
  static int rank_of(AttributeType type) {
    switch (type) {
      case AttributeType::kMessageIntegrity:
        return 1;
      case AttributeType::kMessageIntegritySha256:
        return 2;
      case AttributeType::kFingerprint:
        return 3;
      default:
        return 0;
    }
  }
  int next_ = 0;  // the lowest rank that counts
};

}  // namespace

bool looks_like_stun(Bytes datagram) {
  Reader reader(datagram);
  const uint16_t type = reader.u16();
  reader.skip(2);
  return reader.u32() == kMagicCookie && type >> 14 == 0;
}

// Made in place and returned by name: a view is 2 KiB, which every relayed indication would copy.
Result<MessageView> MessageView::parse(Bytes datagram) {
  Result<MessageView> message;
  const Result<void> read = message->read(datagram);
  if (!read) message = forward(read);
  return message;
}

Result<void> MessageView::read(Bytes datagram) {
  if (!looks_like_stun(datagram))
    return fail(ErrorCode::kInvalid, "not STUN: expected two zero bits and the magic cookie");
  datagram_ = datagram;
  Reader reader(datagram);
  // RFC 8489 §5: the two bits of the class lie between those of the method.
  const uint16_t type = reader.u16();
  method_ = static_cast<uint16_t>((type & 0x000F) | (type & 0x00E0) >> 1 | (type & 0x3E00) >> 2);
  class_ = static_cast<Class>((type & 0x0010) >> 4 | (type & 0x0100) >> 7);
  const uint16_t length = reader.u16();
  reader.skip(sizeof kMagicCookie);
  const Bytes id = reader.take(kTransactionIdSize);
  if (!reader.ok())
    return fail(ErrorCode::kInvalid,
                "STUN header: expected 20 bytes, got " + std::to_string(datagram.size()));
  std::copy(id.begin(), id.end(), transaction_id_.begin());
  if (length % 4 != 0 || length != reader.remaining())
    return fail(ErrorCode::kInvalid,
                "STUN length: expected a multiple of four that is what follows the header (" +
                    std::to_string(reader.remaining()) + "), got " + std::to_string(length));
  return read_attributes(reader);
}

Result<void> MessageView::read_attributes(Reader& reader) {
  Order order;
  for (size_t seen = 0; reader.remaining() > 0; ++seen) {
    if (seen == kMaxAttributes)
      return fail(ErrorCode::kInvalid, "STUN attributes: expected at most " + std::to_string(kMaxAttributes));
    const size_t offset = reader.position();
    const auto type = static_cast<AttributeType>(reader.u16());
    const uint16_t size = reader.u16();
    const Bytes value = reader.take(padded(size));
    if (!reader.ok())
      return fail(ErrorCode::kInvalid, "STUN attribute at byte " + std::to_string(offset) +
                                           ": expected to end inside the message, got size " +
                                           std::to_string(size));
    if (order.admits(type)) attributes_[count_++] = {type, value.first(size), offset};
  }
  return {};
}

std::optional<Attribute> MessageView::find(AttributeType type) const {
  for (const Attribute& attribute : attributes())
    if (attribute.type == type) return attribute;
  return std::nullopt;
}

bool MessageView::verify_integrity(Bytes key) const {
  const auto integrity = find(AttributeType::kMessageIntegrity);
  if (!integrity || integrity->value.size() != sizeof(Sha1Digest)) return false;
  // The digest covers the header with a length that ends at MESSAGE-INTEGRITY (RFC 8489 §14.5).
  const size_t length = integrity->offset + 4 + sizeof(Sha1Digest) - kHeaderSize;
  const std::array<uint8_t, 2> length_field{static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
  const Sha1Digest expected =
      hmac_sha1(key, {datagram_.first(2), length_field, datagram_.subspan(4, integrity->offset - 4)});
  return equal_in_constant_time(integrity->value, expected);
}

bool MessageView::fingerprint_agrees() const {
  const auto fingerprint = find(AttributeType::kFingerprint);
  if (!fingerprint) return true;
  const bool last = fingerprint->offset + 4 + kFingerprintSize == datagram_.size();
  const uint32_t expected = crc32(datagram_.first(fingerprint->offset)) ^ kFingerprintMask;
  return last && read_u32(fingerprint->value) == expected;
}

}  // namespace turnpike::stun
