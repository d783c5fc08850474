// SPDX-License-Identifier: Apache-2.0
#include "stun/channel_data.h"

#include <gtest/gtest.h>

#include "unit/stun_samples.h"

namespace turnpike::stun {
namespace {

TEST(ChannelData, ReadsHeaderAndData) {
  struct Row {
    const char* name;
    Buffer datagram;
    uint16_t channel;  // 0: refused
    Buffer data;
  };
  const Row rows[] = {
      {"no bytes", {}, 0, {}},
      {"part of a header", {0x40, 0, 0}, 0, {}},
      {"empty data", {0x40, 0, 0, 0}, 0x4000, {}},
      {"one byte", {0x40, 1, 0, 1, 9}, 0x4001, {9}},
      {"padded to four", {0x40, 1, 0, 1, 9, 0, 0, 0}, 0x4001, {9}},
      {"padding is not looked at", {0x40, 1, 0, 2, 9, 8, 7, 6}, 0x4001, {9, 8}},
      {"more after the padding", {0x40, 1, 0, 1, 9, 0, 0, 0, 5}, 0x4001, {9}},
      {"one byte short", {0x40, 1, 0, 2, 9}, 0, {}},
      {"length far beyond the end", {0x40, 1, 0xFF, 0xFF, 9}, 0, {}},
      {"last channel of RFC 8656", {0x4F, 0xFF, 0, 1, 9}, 0x4FFF, {9}},
      {"last channel of RFC 5766", {0x7F, 0xFF, 0, 1, 9}, 0x7FFF, {9}},
      {"STUN's first bits", {0x3F, 0xFF, 0, 1, 9}, 0, {}},
      {"RTP's first bits", {0x80, 0, 0, 1, 9}, 0, {}},
      {"reserved first bits", {0xC0, 0, 0, 1, 9}, 0, {}},
  };
  for (const Row& row : rows) {
    const auto message = parse_channel_data(row.datagram);
    ASSERT_EQ(message.has_value(), row.channel != 0) << row.name;
    if (!message) continue;
    EXPECT_EQ(message->channel.value, row.channel) << row.name;
    EXPECT_EQ(Buffer(message->data.begin(), message->data.end()), row.data) << row.name;
  }
}

TEST(ChannelData, IsToldByItsFirstTwoBits) {
  EXPECT_FALSE(looks_like_channel_data({}));
  for (unsigned first = 0; first < 256; ++first)
    EXPECT_EQ(looks_like_channel_data(Buffer{static_cast<uint8_t>(first)}), first >= 64 && first < 128)
        << first;
}

}  // namespace
}  // namespace turnpike::stun
