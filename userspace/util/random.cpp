// SPDX-License-Identifier: Apache-2.0
#include "util/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace turnpike {

uint64_t Random::u64() {
  uint8_t bytes[8];
  fill(bytes);
  return Reader(bytes).u64();
}

uint32_t Random::below(uint32_t bound) {
  // Rejects the tail of the 64-bit range that would favour small numbers.
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  uint64_t value = u64();
  while (value >= limit)
    value = u64();
  return static_cast<uint32_t>(value % bound);
}

void SystemRandom::fill(MutableBytes bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno != EINTR) std::abort();
    if (got > 0) bytes = bytes.subspan(static_cast<size_t>(got));
  }
}

}  // namespace turnpike
