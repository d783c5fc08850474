// SPDX-License-Identifier: Apache-2.0
//
// Damaged messages: whatever comes, the codec stays inside the datagram. Each lies in a block of its own
// size, so that AddressSanitizer sees a byte too many.
#include <gtest/gtest.h>

#include <random>

#include "stun/channel_data.h"
#include "unit/stun_samples.h"

namespace turnpike::stun {
namespace {

constexpr int kMessages = 200'000;

std::vector<Buffer> seeds() {
  std::vector<Buffer> seeds;
  for (const Sample& sample : kSamples)
    seeds.push_back(read_vector(sample.file));
  seeds.push_back(read_vector("rfc8489-B.1-request-sha256-userhash.bin"));
  seeds.push_back(raw_message({{AttributeType::kErrorCode, {0, 0, 4, 1, 'n', 'o'}},
                               {AttributeType::kChannelNumber, {0x40, 0, 0, 0}},
                               {AttributeType::kXorPeerAddress, Buffer(8, 1)},
                               {AttributeType::kXorRelayedAddress, Buffer(20, 2)}},
                              0x0113));
  seeds.push_back({0x40, 0x00, 0x00, 0x05, 1, 2, 3, 4, 5, 0, 0, 0});
  return seeds;
}

class Mutator {
 public:
  Buffer damage(Buffer bytes) {
    for (size_t i = 0, count = 1 + below(4); i < count && !bytes.empty(); ++i)
      bytes[below(bytes.size())] = static_cast<uint8_t>(random_());
    if (below(4) == 0) bytes.resize(below(bytes.size() + 9));
    const bool mend_length = bytes.size() >= kHeaderSize && below(2) == 0;
    if (mend_length) {
      bytes[2] = static_cast<uint8_t>((bytes.size() - kHeaderSize) >> 8);
      bytes[3] = static_cast<uint8_t>(bytes.size() - kHeaderSize);
    }
    bytes.shrink_to_fit();
    return bytes;
  }
  size_t below(size_t bound) { return random_() % bound; }

 private:
  std::mt19937 random_{20089};  // fixed: the same messages every run
};

// Reads everything there is to read; true when the message parsed.
bool read_all(Bytes datagram) {
  (void)looks_like_stun(datagram);
  const auto channel_data = parse_channel_data(datagram);
  EXPECT_TRUE(!channel_data || channel_data->data.size() + kChannelDataHeaderSize <= datagram.size());
  const auto message = MessageView::parse(datagram);
  if (!message) return false;
  size_t end = kHeaderSize;
  for (const Attribute& attribute : message->attributes()) {
    EXPECT_GE(attribute.offset, end);
    end = attribute.offset + 4 + attribute.value.size();
    EXPECT_LE(end, datagram.size());
    (void)read_xor_address(attribute.value, message->transaction_id());
    (void)read_u32(attribute.value);
    (void)read_channel_number(attribute.value);
    (void)read_error_code(attribute.value);
  }
  (void)message->fingerprint_agrees();
  return true;
}

TEST(StunMutation, NothingReadsPastTheDatagram) {
  const std::vector<Buffer> originals = seeds();
  const Buffer key = key_of(kSamples[0]);
  Mutator mutator;
  int parsed = 0;
  for (int i = 0; i < kMessages; ++i) {
    const Buffer& original = originals[mutator.below(originals.size())];
    const Buffer bytes = mutator.damage(original);
    if (!read_all(bytes)) continue;
    ++parsed;
    // Nothing damaged verifies, but where the damage lies outside what is covered.
    const auto message = MessageView::parse(bytes);
    if (!message->verify_integrity(key)) continue;
    const size_t covered = message->find(AttributeType::kMessageIntegrity)->offset + 24;
    ASSERT_LE(covered, original.size());
    for (size_t at = 0; at < covered; ++at)
      ASSERT_TRUE(at == 2 || at == 3 || bytes[at] == original[at]) << "message " << i << ", byte " << at;
  }
  EXPECT_GT(parsed, kMessages / 10) << "the damage is too coarse to reach the readers";
  EXPECT_LT(parsed, kMessages * 9 / 10);
}

}  // namespace
}  // namespace turnpike::stun
