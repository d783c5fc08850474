// SPDX-License-Identifier: Apache-2.0
#include "net/checksum.h"

namespace turnpike::net {

uint64_t add_words(uint64_t sum, Bytes bytes) {
  size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data() + i, 4);
    sum += __builtin_bswap32(word);  // two words at once: folding adds its halves (RFC 1071 §2)
  }
  for (; i < bytes.size(); ++i)
    sum += i % 2 == 0 ? uint64_t{bytes[i]} << 8 : bytes[i];
  return sum;
}

uint16_t internet_checksum(uint64_t sum) {
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace turnpike::net
