// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/stun_samples.h"

namespace turnpike::stun {
namespace {

using Type = AttributeType;

TEST(MessageBuilder, WritesEveryMethodAndClassAsTheViewReadsThem) {
  std::array<uint8_t, kHeaderSize> buffer;
  for (uint16_t method = 0; method <= 0xFFF; ++method)
    for (Class message_class : {Class::kRequest, Class::kIndication, Class::kSuccess, Class::kError}) {
      const Bytes built =
          MessageBuilder(buffer, static_cast<Method>(method), message_class, kShortTermId).finish();
      const auto message = MessageView::parse(built);
      ASSERT_TRUE(message) << method;
      ASSERT_EQ(message->method_number(), method);
      ASSERT_EQ(message->message_class(), message_class);
    }
}

TEST(MessageBuilder, PadsWithZerosWhateverTheBufferHeld) {
  for (size_t size = 0; size <= 8; ++size) {
    std::array<uint8_t, 64> buffer;
    buffer.fill(0xEE);
    const Bytes built = MessageBuilder(buffer, Method::kData, Class::kIndication, kShortTermId)
                            .add(Type::kData, Buffer(size, 0xAB))
                            .finish();
    EXPECT_EQ(Buffer(built.begin(), built.end()), raw_message({{Type::kData, Buffer(size, 0xAB)}}, 0x0017));
  }
}

TEST(MessageBuilder, ErrorAndUnknownAttributesArePaddedWithZerosToo) {
  std::array<uint8_t, 128> buffer;
  buffer.fill(0xEE);
  const uint16_t unknown[] = {0x0002, 0x7FFF, 0x0033};
  const Bytes built = MessageBuilder(buffer, Method::kAllocate, Class::kError, kShortTermId)
                          .add_error_code(StatusCode::kUnknownAttribute)
                          .add_unknown_attributes(unknown)
                          .finish();
  const Buffer error{0,   0,   4,   20,  'U', 'n', 'k', 'n', 'o', 'w', 'n',
                     ' ', 'A', 't', 't', 'r', 'i', 'b', 'u', 't', 'e'};
  EXPECT_EQ(Buffer(built.begin(), built.end()),
            raw_message({{Type::kErrorCode, error}, {Type::kUnknownAttributes, {0, 2, 0x7F, 0xFF, 0, 0x33}}},
                        0x0113));
}

TEST(MessageBuilder, WritesNumbersAndChannels) {
  std::array<uint8_t, 64> buffer;
  const Bytes built = MessageBuilder(buffer, Method::kChannelBind, Class::kRequest, kShortTermId)
                          .add_channel_number(0x4001)
                          .add_u32(Type::kLifetime, 600)
                          .finish();
  EXPECT_EQ(
      Buffer(built.begin(), built.end()),
      raw_message({{Type::kChannelNumber, {0x40, 0x01, 0, 0}}, {Type::kLifetime, {0, 0, 2, 0x58}}}, 0x0009));
}

TEST(MessageBuilder, IsEmptyInEveryBufferThatIsTooSmall) {
  const auto build = [](MutableBytes buffer) {
    const uint16_t unknown[] = {0x0002};
    return MessageBuilder(buffer, Method::kAllocate, Class::kError, kShortTermId)
        .add_error_code(StatusCode::kUnauthenticated)
        .add_text(Type::kRealm, "example.org")
        .add_xor_address(Type::kXorMappedAddress, *Endpoint::parse("[2001:db8::1]:1"))
        .add_unknown_attributes(unknown)
        .add_channel_number(0x4000)
        .add_integrity(text_bytes("key"))
        .add_fingerprint()
        .finish();
  };
  std::array<uint8_t, 256> whole;
  const size_t needed = build(whole).size();
  ASSERT_GT(needed, 0u);
  for (size_t size = 0; size < needed; ++size) {
    Buffer buffer(size);  // its own block, so that ASan sees a byte too many
    EXPECT_TRUE(build(buffer).empty()) << size;
  }
  Buffer exact(needed);
  EXPECT_EQ(build(exact).size(), needed);
}

TEST(MessageBuilder, IsEmptyWhenTheLengthFieldCannotTell) {
  Buffer buffer(200'000);
  const auto build = [&](size_t value_size) {
    return MessageBuilder(buffer, Method::kData, Class::kIndication, kShortTermId)
        .add(Type::kData, Buffer(value_size))
        .finish();
  };
  EXPECT_EQ(build(65'528).size(), kHeaderSize + 65'532);
  EXPECT_TRUE(MessageView::parse(build(65'528)));
  for (size_t size : {65'529u, 65'535u, 65'536u, 65'540u, 131'072u})
    EXPECT_TRUE(build(size).empty()) << size;
}

TEST(MessageBuilder, IntegrityAndFingerprintVerify) {
  const LongTermKey key = long_term_key("user", "realm", "password");
  std::array<uint8_t, 256> buffer;
  for (bool integrity : {false, true})
    for (bool fingerprint : {false, true}) {
      MessageBuilder builder(buffer, Method::kRefresh, Class::kSuccess, kLongTermId);
      builder.add_u32(Type::kLifetime, 600);
      if (integrity) builder.add_integrity(key);
      if (fingerprint) builder.add_fingerprint();
      const auto message = MessageView::parse(builder.finish());
      ASSERT_TRUE(message);
      EXPECT_EQ(message->verify_integrity(key), integrity);
      EXPECT_EQ(message->has(Type::kFingerprint), fingerprint);
      EXPECT_TRUE(message->fingerprint_agrees());
    }
}

}  // namespace
}  // namespace turnpike::stun
