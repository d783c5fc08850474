// SPDX-License-Identifier: Apache-2.0
//
// The messages of RFC 5769 and RFC 8489 Appendix B.
#include <gtest/gtest.h>

#include "unit/stun_samples.h"

namespace turnpike::stun {
namespace {

std::string text_of(const MessageView& message, AttributeType type) {
  const auto attribute = message.find(type);
  return attribute ? std::string(as_text(attribute->value)) : "(absent)";
}

Endpoint mapped_address(const MessageView& message) {
  const auto attribute = message.find(AttributeType::kXorMappedAddress);
  const auto endpoint =
      attribute ? read_xor_address(attribute->value, message.transaction_id()) : std::nullopt;
  return endpoint.value_or(Endpoint{});
}

TEST(StunVectors, ShortTermRequest) {
  const Buffer bytes = read_vector("rfc5769-2.1-request-shortterm.bin");
  const auto message = MessageView::parse(bytes);
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(message->method(), Method::kBinding);
  EXPECT_EQ(message->message_class(), Class::kRequest);
  EXPECT_EQ(message->transaction_id(), kShortTermId);
  EXPECT_EQ(message->attributes().size(), 6u);
  EXPECT_EQ(text_of(*message, AttributeType::kSoftware), "STUN test client");
  EXPECT_EQ(text_of(*message, AttributeType::kUsername), "evtj:h6vY");
  EXPECT_EQ(read_u32(message->find(AttributeType::kPriority)->value), 0x6e0001ffu);
}

TEST(StunVectors, ResponsesTellTheMappedAddress) {
  const std::pair<const char*, const char*> rows[] = {
      {"rfc5769-2.2-response-ipv4.bin", "192.0.2.1:32853"},
      {"rfc5769-2.3-response-ipv6.bin", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
  };
  for (const auto& [file, endpoint] : rows) {
    const Buffer bytes = read_vector(file);
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message) << file;
    EXPECT_EQ(message->message_class(), Class::kSuccess) << file;
    EXPECT_EQ(text_of(*message, AttributeType::kSoftware), "test vector") << file;
    EXPECT_EQ(mapped_address(*message).to_string(), endpoint);
  }
}

TEST(StunVectors, LongTermRequest) {
  const Buffer bytes = read_vector("rfc5769-2.4-request-longterm.bin");
  const auto message = MessageView::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->transaction_id(), kLongTermId);
  EXPECT_EQ(text_of(*message, AttributeType::kUsername), kLongTermUsername);
  EXPECT_EQ(text_of(*message, AttributeType::kNonce), kLongTermNonce);
  EXPECT_EQ(text_of(*message, AttributeType::kRealm), kLongTermRealm);
}

TEST(StunVectors, IntegrityAndFingerprintAgreeUnderTheRightKeyOnly) {
  for (const Sample& sample : kSamples) {
    const Buffer bytes = read_vector(sample.file);
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message) << sample.file;
    Buffer key = key_of(sample);
    EXPECT_TRUE(message->verify_integrity(key)) << sample.file;
    EXPECT_TRUE(message->fingerprint_agrees()) << sample.file;
    EXPECT_EQ(message->has(AttributeType::kFingerprint), sample.short_term) << sample.file;
    key.back() ^= 1;
    EXPECT_FALSE(message->verify_integrity(key)) << sample.file;
    EXPECT_FALSE(message->verify_integrity({})) << sample.file;
  }
}

// A flip may hide FINGERPRINT (its type is not covered by anything), so its absence counts as noticed.
TEST(StunVectors, EverySingleBitFlipIsNoticed) {
  for (const Sample& sample : kSamples) {
    const Buffer original = read_vector(sample.file);
    const Buffer key = key_of(sample);
    for (size_t bit = 0; bit < original.size() * 8; ++bit) {
      Buffer bytes = original;
      bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      const auto message = MessageView::parse(bytes);
      const bool unnoticed = message && message->verify_integrity(key) &&
                             message->has(AttributeType::kFingerprint) == sample.short_term &&
                             message->fingerprint_agrees();
      EXPECT_FALSE(unnoticed) << sample.file << ", bit " << bit;
    }
  }
}

TEST(StunVectors, NoTruncationParses) {
  for (const Sample& sample : kSamples) {
    const Buffer original = read_vector(sample.file);
    for (size_t size = 0; size < original.size(); ++size) {
      const Buffer bytes(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(MessageView::parse(bytes)) << sample.file << " at " << size;
    }
  }
}

TEST(StunVectors, LongTermRequestIsRebuiltToTheByte) {
  std::array<uint8_t, 256> buffer;
  buffer.fill(0xEE);
  MessageBuilder builder(buffer, Method::kBinding, Class::kRequest, kLongTermId);
  builder.add_text(AttributeType::kUsername, kLongTermUsername)
      .add_text(AttributeType::kNonce, kLongTermNonce)
      .add_text(AttributeType::kRealm, kLongTermRealm)
      .add_integrity(long_term_key(kLongTermUsername, kLongTermRealm, kLongTermPassword));
  const Bytes built = builder.finish();
  EXPECT_EQ(Buffer(built.begin(), built.end()), read_vector("rfc5769-2.4-request-longterm.bin"));
}

// These pad with spaces, where we send zeros; so all but the padding and the digests over it is the same.
TEST(StunVectors, ShortTermMessagesAreRebuiltButForTheirPadding) {
  for (const Sample& sample : kSamples) {
    if (!sample.short_term) continue;
    const Buffer bytes = read_vector(sample.file);
    const auto original = MessageView::parse(bytes);
    ASSERT_TRUE(original) << sample.file;
    std::array<uint8_t, 256> buffer;
    MessageBuilder builder(buffer, original->method(), original->message_class(), original->transaction_id());
    for (const Attribute& attribute : original->attributes().first(original->attributes().size() - 2)) {
      if (attribute.type == AttributeType::kXorMappedAddress)
        builder.add_xor_address(attribute.type, mapped_address(*original));
      else
        builder.add(attribute.type, attribute.value);
    }
    builder.add_integrity(text_bytes(kShortTermPassword)).add_fingerprint();
    const Bytes built = builder.finish();
    ASSERT_EQ(built.size(), bytes.size()) << sample.file;
    const auto rebuilt = MessageView::parse(built);
    ASSERT_TRUE(rebuilt) << sample.file;
    EXPECT_TRUE(rebuilt->verify_integrity(text_bytes(kShortTermPassword)));
    EXPECT_TRUE(rebuilt->fingerprint_agrees());

    const size_t covered = original->find(AttributeType::kMessageIntegrity)->offset;
    Buffer expected(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(covered));
    for (const Attribute& attribute : original->attributes())
      for (size_t at = attribute.offset + 4 + attribute.value.size(); at % 4 != 0; ++at)
        expected[at] = 0;
    EXPECT_EQ(Buffer(built.begin(), built.begin() + static_cast<std::ptrdiff_t>(covered)), expected)
        << sample.file;
  }
}

TEST(StunVectors, Rfc8489Sha256RequestParses) {
  const Buffer bytes = read_vector("rfc8489-B.1-request-sha256-userhash.bin");
  const auto message = MessageView::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->transaction_id(), kLongTermId);
  EXPECT_EQ(text_of(*message, AttributeType::kNonce), "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA");
  EXPECT_EQ(text_of(*message, AttributeType::kRealm), kLongTermRealm);
  EXPECT_EQ(message->find(AttributeType::kMessageIntegritySha256)->value.size(), 32u);
  EXPECT_FALSE(
      message->verify_integrity(long_term_key(kLongTermUsername, kLongTermRealm, kLongTermPassword)));
}

}  // namespace
}  // namespace turnpike::stun
