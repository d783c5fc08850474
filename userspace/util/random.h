// SPDX-License-Identifier: Apache-2.0
//
// Random: where the core gets its random numbers, so that tests can say which. SystemRandom is the kernel's
// CSPRNG (getrandom(2)).
#pragma once

#include <cstdint>

#include "util/bytes.h"

namespace turnpike {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes bytes) = 0;
  uint64_t u64();
  // Uniform in [0, bound); bound > 0.
  uint32_t below(uint32_t bound);
};

class SystemRandom final : public Random {
 public:
  // Aborts the process when the kernel has no randomness to give: nothing safe could follow.
  void fill(MutableBytes bytes) override;
};

}  // namespace turnpike
