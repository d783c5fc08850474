// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/stun_samples.h"

namespace turnpike::stun {
namespace {

Buffer written_address(const Endpoint& endpoint, const TransactionId& id) {
  std::array<uint8_t, 64> buffer;
  const Bytes built = MessageBuilder(buffer, Method::kBinding, Class::kSuccess, id)
                          .add_xor_address(AttributeType::kXorMappedAddress, endpoint)
                          .finish();
  const auto message = MessageView::parse(built);
  const Bytes value = message->find(AttributeType::kXorMappedAddress)->value;
  return Buffer(value.begin(), value.end());
}

TEST(XorAddress, ReadsBackWhatItWrites) {
  for (const char* text : {"0.0.0.0:0", "255.255.255.255:65535", "192.0.2.1:32853", "[::]:0",
                           "[2001:db8::1]:1", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"}) {
    const Endpoint endpoint = *Endpoint::parse(text);
    EXPECT_EQ(read_xor_address(written_address(endpoint, kLongTermId), kLongTermId), endpoint) << text;
  }
}

TEST(XorAddress, IgnoresTheFirstByteAndRefusesOtherShapes) {
  Buffer v4 = written_address(*Endpoint::parse("192.0.2.1:1"), kShortTermId);
  Buffer v6 = written_address(*Endpoint::parse("[2001:db8::1]:1"), kShortTermId);
  v4[0] = 0xFF;
  EXPECT_EQ(read_xor_address(v4, kShortTermId)->to_string(), "192.0.2.1:1");
  for (uint8_t family : {0, 2, 3, 255}) {
    v4[1] = family;
    EXPECT_FALSE(read_xor_address(v4, kShortTermId)) << int{family};
  }
  v4[1] = 1;
  v6[1] = 1;
  EXPECT_FALSE(read_xor_address(v6, kShortTermId));
  v6[1] = 2;
  for (size_t size = 0; size < v6.size(); ++size)
    EXPECT_FALSE(read_xor_address(Bytes(v6).first(size), kShortTermId)) << size;
  for (size_t size = 0; size < v4.size(); ++size)
    EXPECT_FALSE(read_xor_address(Bytes(v4).first(size), kShortTermId)) << size;
  v4.push_back(0);
  v6.push_back(0);
  EXPECT_FALSE(read_xor_address(v4, kShortTermId));
  EXPECT_FALSE(read_xor_address(v6, kShortTermId));
}

TEST(XorAddress, MappedIpv6IsTheIpv4AddressInside) {
  Buffer value{0, 2, 0, 0};
  const IpAddress mapped = IpAddress::v4(10, 1, 2, 3);
  for (size_t i = 0; i < 16; ++i)
    value.push_back(mapped.bytes()[i] ^ xor_mask_byte(i, kShortTermId));
  EXPECT_EQ(read_xor_address(value, kShortTermId)->address.to_string(), "10.1.2.3");
}

TEST(Numbers, HaveExactlyFourBytes) {
  EXPECT_EQ(read_u32(Buffer{0, 0, 2, 88}), 600u);
  EXPECT_EQ(read_channel_number(Buffer{0x40, 1, 0, 0}), 0x4001);
  EXPECT_EQ(read_channel_number(Buffer{0x7F, 0xFF, 0xAB, 0xCD}), 0x7FFF);  // RFFU is ignored
  for (size_t size : {0u, 1u, 2u, 3u, 5u, 8u}) {
    EXPECT_FALSE(read_u32(Buffer(size))) << size;
    EXPECT_FALSE(read_channel_number(Buffer(size))) << size;
  }
}

TEST(ErrorCode, ReadsWhatTheBuilderWrites) {
  for (StatusCode code :
       {StatusCode::kTryAlternate, StatusCode::kBadRequest, StatusCode::kUnauthenticated,
        StatusCode::kForbidden, StatusCode::kUnknownAttribute, StatusCode::kAllocationMismatch,
        StatusCode::kStaleNonce, StatusCode::kAddressFamilyNotSupported, StatusCode::kWrongCredentials,
        StatusCode::kUnsupportedTransportProtocol, StatusCode::kPeerAddressFamilyMismatch,
        StatusCode::kAllocationQuotaReached, StatusCode::kServerError, StatusCode::kInsufficientCapacity}) {
    std::array<uint8_t, 128> buffer;
    const Bytes built =
        MessageBuilder(buffer, Method::kAllocate, Class::kError, kLongTermId).add_error_code(code).finish();
    const auto message = MessageView::parse(built);
    const auto error = read_error_code(message->find(AttributeType::kErrorCode)->value);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, static_cast<uint16_t>(code));
    EXPECT_EQ(error->reason, reason_phrase(code));
    EXPECT_FALSE(error->reason.empty());
  }
}

TEST(ErrorCode, TheReasonMayBeEmpty) {
  std::array<uint8_t, 64> buffer;
  const Bytes built = MessageBuilder(buffer, Method::kAllocate, Class::kError, kLongTermId)
                          .add_error_code(StatusCode::kUnauthenticated, "")
                          .finish();
  EXPECT_EQ(built.size(), kHeaderSize + 8);
  const auto message = MessageView::parse(built);
  const auto error = read_error_code(message->find(AttributeType::kErrorCode)->value);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, 401);
  EXPECT_EQ(error->reason, "");
}

TEST(ErrorCode, RefusesClassesAndNumbersOutsideTheRfc) {
  EXPECT_TRUE(read_error_code(Buffer{0xFF, 0xFF, 0xFC, 1}));  // reserved bits are ignored
  for (const Buffer& value :
       {Buffer{}, Buffer{0, 0, 4}, Buffer{0, 0, 2, 0}, Buffer{0, 0, 7, 0}, Buffer{0, 0, 4, 100}})
    EXPECT_FALSE(read_error_code(value));
}

TEST(ReasonPhrase, IsTheRfcs) {
  EXPECT_STREQ(reason_phrase(StatusCode::kUnauthenticated), "Unauthenticated");
  EXPECT_STREQ(reason_phrase(StatusCode::kStaleNonce), "Stale Nonce");
  EXPECT_STREQ(reason_phrase(StatusCode::kAddressFamilyNotSupported), "Address Family not Supported");
  EXPECT_STREQ(reason_phrase(static_cast<StatusCode>(299)), "");
}

}  // namespace
}  // namespace turnpike::stun
