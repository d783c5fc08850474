// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/stun_samples.h"

namespace turnpike::stun {
namespace {

using Type = AttributeType;

std::vector<Type> types_of(const Buffer& bytes) {
  const auto message = MessageView::parse(bytes);
  std::vector<Type> types;
  if (!message) return types;
  for (const Attribute& attribute : message->attributes())
    types.push_back(attribute.type);
  return types;
}

TEST(MessageView, ToldFromOtherProtocolsByItsFirstBytes) {
  const Buffer message = raw_message({});
  EXPECT_TRUE(looks_like_stun(message));
  EXPECT_TRUE(looks_like_stun(Bytes(message).first(8)));
  EXPECT_FALSE(looks_like_stun(Bytes(message).first(7)));
  EXPECT_FALSE(looks_like_stun({}));
  for (uint8_t first : {0x40, 0x80, 0xC0}) {
    Buffer other = message;
    other[0] = first;
    EXPECT_FALSE(looks_like_stun(other));
    EXPECT_FALSE(MessageView::parse(other));
  }
  Buffer rfc3489 = message;
  rfc3489[7] ^= 1;
  EXPECT_FALSE(looks_like_stun(rfc3489));
  EXPECT_FALSE(MessageView::parse(rfc3489));
}

TEST(MessageView, ReadsMethodAndClassFromTheirScatteredBits) {
  struct Row {
    uint16_t type;
    uint16_t method;
    Class message_class;
  };
  const Row rows[] = {
      {0x0001, 0x001, Class::kRequest},    {0x0101, 0x001, Class::kSuccess},
      {0x0111, 0x001, Class::kError},      {0x0011, 0x001, Class::kIndication},
      {0x0003, 0x003, Class::kRequest},    {0x0113, 0x003, Class::kError},
      {0x0016, 0x006, Class::kIndication}, {0x0017, 0x007, Class::kIndication},
      {0x0109, 0x009, Class::kSuccess},    {0x3EEF, 0xFFF, Class::kRequest},
      {0x3FFF, 0xFFF, Class::kError},      {0x0020, 0x010, Class::kRequest},
      {0x0200, 0x080, Class::kRequest},
  };
  for (const Row& row : rows) {
    const Buffer bytes = raw_message({}, row.type);
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message) << row.type;
    EXPECT_EQ(message->method_number(), row.method) << row.type;
    EXPECT_EQ(message->message_class(), row.message_class) << row.type;
  }
}

TEST(MessageView, LengthMustAgreeWithTheDatagram) {
  const Buffer good = raw_message({{Type::kLifetime, {0, 0, 2, 88}}});
  ASSERT_TRUE(MessageView::parse(good));
  for (int difference : {-8, -4, -3, -2, -1, 1, 2, 3, 4}) {
    Buffer bytes = good;
    bytes[3] = static_cast<uint8_t>(bytes[3] + difference);
    EXPECT_FALSE(MessageView::parse(bytes)) << difference;
  }
  Buffer trailing = good;
  trailing.insert(trailing.end(), 4, 0);
  EXPECT_FALSE(MessageView::parse(trailing));
  EXPECT_EQ(MessageView::parse(trailing).error().code, ErrorCode::kInvalid);
}

TEST(MessageView, LengthThatIsNoMultipleOfFourIsRefusedThoughItAgrees) {
  for (size_t extra : {1u, 2u, 3u}) {
    Buffer bytes = raw_message({});
    bytes.insert(bytes.end(), extra, 0);
    bytes[3] = static_cast<uint8_t>(extra);
    EXPECT_FALSE(MessageView::parse(bytes)) << extra;
  }
}

TEST(MessageView, AttributesMustEndInside) {
  for (uint16_t size : {5, 8, 9, 0x00FF, 0xFFFC, 0xFFFD, 0xFFFF}) {
    Buffer bytes = raw_message({{Type::kData, {1, 2, 3, 4}}});
    bytes[kHeaderSize + 2] = static_cast<uint8_t>(size >> 8);
    bytes[kHeaderSize + 3] = static_cast<uint8_t>(size);
    EXPECT_FALSE(MessageView::parse(bytes)) << size;
  }
}

TEST(MessageView, ValuesComeWithoutTheirPadding) {
  for (size_t size = 0; size <= 9; ++size) {
    const Buffer value(size, 0xAB);
    const Buffer bytes = raw_message({{Type::kData, value}, {Type::kDontFragment, {}}});
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message) << size;
    const auto data = message->find(Type::kData);
    EXPECT_EQ(Buffer(data->value.begin(), data->value.end()), value);
    EXPECT_EQ(data->offset, kHeaderSize);
    EXPECT_TRUE(message->has(Type::kDontFragment)) << size;
  }
}

TEST(MessageView, OfDuplicatesTheFirstIsFoundAndAllAreListed) {
  const Buffer bytes = raw_message({{Type::kLifetime, {0, 0, 0, 1}}, {Type::kLifetime, {0, 0, 0, 2}}});
  const auto message = MessageView::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(read_u32(message->find(Type::kLifetime)->value), 1u);
  EXPECT_EQ(message->attributes().size(), 2u);
}

TEST(MessageView, OnlyWhatMayFollowIntegrityCountsAfterIt) {
  const Buffer sha1(20, 1);
  const Buffer sha256(32, 2);
  const Buffer crc(4, 3);
  const Buffer number(4, 4);
  struct Row {
    std::vector<std::pair<Type, Buffer>> sent;
    std::vector<Type> counted;
  };
  const Row rows[] = {
      {{{Type::kMessageIntegrity, sha1}, {Type::kLifetime, number}}, {Type::kMessageIntegrity}},
      {{{Type::kMessageIntegrity, sha1}, {Type::kMessageIntegrity, sha1}}, {Type::kMessageIntegrity}},
      {{{Type::kMessageIntegrity, sha1}, {Type::kLifetime, number}, {Type::kFingerprint, crc}},
       {Type::kMessageIntegrity, Type::kFingerprint}},
      {{{Type::kMessageIntegrity, sha1}, {Type::kMessageIntegritySha256, sha256}, {Type::kFingerprint, crc}},
       {Type::kMessageIntegrity, Type::kMessageIntegritySha256, Type::kFingerprint}},
      {{{Type::kMessageIntegritySha256, sha256}, {Type::kMessageIntegrity, sha1}, {Type::kLifetime, number}},
       {Type::kMessageIntegritySha256}},
      {{{Type::kFingerprint, crc}, {Type::kLifetime, number}, {Type::kMessageIntegrity, sha1}},
       {Type::kFingerprint}},
      {{{Type::kFingerprint, crc}, {Type::kFingerprint, crc}}, {Type::kFingerprint}},
      {{{Type::kLifetime, number}, {Type::kFingerprint, crc}}, {Type::kLifetime, Type::kFingerprint}},
  };
  for (size_t i = 0; i < std::size(rows); ++i)
    EXPECT_EQ(types_of(raw_message(rows[i].sent)), rows[i].counted) << "row " << i;
}

TEST(MessageView, IntegrityOfAnotherSizeNeverVerifies) {
  for (size_t size : {0u, 16u, 19u, 21u, 24u, 32u}) {
    const Buffer bytes = raw_message({{Type::kMessageIntegrity, Buffer(size)}});
    EXPECT_FALSE(MessageView::parse(bytes)->verify_integrity({})) << size;
  }
  const Buffer none = raw_message({});
  EXPECT_FALSE(MessageView::parse(none)->verify_integrity({}));
}

TEST(MessageView, FingerprintMustBeLastAndOfFourBytes) {
  std::array<uint8_t, 64> buffer;
  const Bytes built =
      MessageBuilder(buffer, Method::kBinding, Class::kRequest, kShortTermId).add_fingerprint().finish();
  ASSERT_TRUE(MessageView::parse(built)->fingerprint_agrees());
  const Buffer crc(built.end() - 4, built.end());

  const Buffer followed = raw_message({{Type::kFingerprint, crc}, {Type::kSoftware, {}}});
  EXPECT_FALSE(MessageView::parse(followed)->fingerprint_agrees());
  const Buffer longer = raw_message({{Type::kFingerprint, Buffer(8)}});
  EXPECT_FALSE(MessageView::parse(longer)->fingerprint_agrees());
  const Buffer empty = raw_message({{Type::kFingerprint, {}}});
  EXPECT_FALSE(MessageView::parse(empty)->fingerprint_agrees());
}

TEST(MessageView, TakesSixtyFourAttributesAndNotOneMore) {
  std::vector<std::pair<Type, Buffer>> attributes(MessageView::kMaxAttributes, {Type::kXorPeerAddress, {}});
  EXPECT_EQ(types_of(raw_message(attributes)).size(), 64u);
  attributes.emplace_back(Type::kXorPeerAddress, Buffer{});
  EXPECT_FALSE(MessageView::parse(raw_message(attributes)));
  attributes[0].first = Type::kFingerprint;  // also when the others do not count
  EXPECT_FALSE(MessageView::parse(raw_message(attributes)));
}

}  // namespace
}  // namespace turnpike::stun
