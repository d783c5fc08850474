// SPDX-License-Identifier: Apache-2.0
#include "profile.h"

#include <algorithm>

namespace turnpike::load {

uint16_t SizeMix::largest() const {
  return *std::ranges::max_element(sizes);
}

double SizeMix::mean() const {
  double sum = 0;
  for (uint8_t index : pattern)
    sum += sizes[index];
  return sum / LOAD_PATTERN;
}

SizeMix size_mix(Profile profile, uint16_t fixed_size) {
  if (profile == Profile::kFixed) return {{fixed_size}, {}};
  // Multiples of four: a relay pads others in a Data indication, behind the end of the frame, where a frame
  // page's next datagram may be a longer one.
  return {{160, 1100, 1200}, {0, 1, 2, 1, 0, 2, 1, 2}};
}

}  // namespace turnpike::load
