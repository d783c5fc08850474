// SPDX-License-Identifier: Apache-2.0
#include "util/siphash.h"

#include <bit>

#include "util/random.h"

namespace turnpike {
namespace {

struct State {
  uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

}  // namespace

uint64_t siphash_1_3(const SipHashKey& key, std::span<const uint64_t> words) {
  State state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
              key[1] ^ 0x7465646279746573};
  for (const uint64_t word : words)
    state.absorb(word);
  state.absorb(uint64_t{words.size() * 8} << 56);  // the last word tells how many bytes there were
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; ++i)
    state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

const SipHashKey& process_hash_key() {
  static const SipHashKey key = [] {
    SystemRandom random;
    return SipHashKey{random.u64(), random.u64()};
  }();
  return key;
}

}  // namespace turnpike
