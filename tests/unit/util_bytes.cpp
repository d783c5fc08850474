// SPDX-License-Identifier: Apache-2.0
#include "util/bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace turnpike {
namespace {

TEST(Reader, ReadsNumbersInNetworkOrder) {
  const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  Reader reader(bytes);
  EXPECT_EQ(reader.u8(), 0x01);
  EXPECT_EQ(reader.u16(), 0x0203);
  EXPECT_EQ(reader.u32(), 0x04050607u);
  EXPECT_EQ(reader.u64(), 0x08090a0b0c0d0e0full);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(Reader, StaysWhereItWasAndFailsForGoodWhenBytesRunOut) {
  const uint8_t bytes[] = {1, 2, 3};
  Reader reader(bytes);
  reader.skip(1);
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.position(), 1u);
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_TRUE(reader.take(0).empty());
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.remaining(), 2u);
}

TEST(Reader, TakesAllButNotOneMore) {
  const uint8_t bytes[] = {1, 2, 3};
  EXPECT_EQ(Reader(bytes).take(3).size(), 3u);
  EXPECT_TRUE(Reader(bytes).take(4).empty());
  EXPECT_TRUE(Reader(bytes).take(SIZE_MAX).empty());
  Reader nothing{Bytes()};
  nothing.skip(0);
  EXPECT_TRUE(nothing.ok());
  nothing.skip(1);
  EXPECT_FALSE(nothing.ok());
}

TEST(Writer, WritesNumbersInNetworkOrder) {
  std::array<uint8_t, 17> buffer;
  buffer.fill(0xEE);
  Writer writer(buffer);
  writer.u8(0x01);
  writer.u16(0x0203);
  writer.u32(0x04050607);
  writer.u64(0x08090a0b0c0d0e0f);
  writer.zeros(2);
  ASSERT_TRUE(writer.ok());
  for (size_t i = 0; i < 15; ++i)
    EXPECT_EQ(buffer[i], i + 1);
  EXPECT_EQ(buffer[15], 0);
  EXPECT_EQ(buffer[16], 0);
  EXPECT_EQ(writer.written().size(), 17u);
}

TEST(Writer, WritesNothingPastTheEndAndFailsForGood) {
  std::array<uint8_t, 8> buffer;
  buffer.fill(0xEE);
  Writer writer(MutableBytes(buffer).first(5));
  writer.u32(1);
  writer.u16(0xFFFF);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.position(), 4u);
  writer.u8(0xFF);
  writer.zeros(1);
  writer.put(Bytes(buffer).first(1));
  EXPECT_EQ(writer.position(), 4u);
  for (size_t i = 4; i < buffer.size(); ++i)
    EXPECT_EQ(buffer[i], 0xEE) << i;
}

TEST(Writer, PatchesOnlyWhatIsWritten) {
  std::array<uint8_t, 4> buffer{};
  Writer writer(buffer);
  writer.u16(0);
  writer.patch_u16(0, 0xABCD);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(buffer[0], 0xAB);
  EXPECT_EQ(buffer[1], 0xCD);
  writer.patch_u16(1, 0xFFFF);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(buffer[1], 0xCD);
  EXPECT_EQ(buffer[2], 0);
}

}  // namespace
}  // namespace turnpike
