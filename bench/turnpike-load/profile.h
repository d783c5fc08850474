// SPDX-License-Identifier: Apache-2.0
//
// Which sizes of datagrams come in which order.
#pragma once

#include <array>
#include <vector>

#include "load_abi.h"
#include "options.h"

namespace turnpike::load {

struct SizeMix {
  std::vector<uint16_t> sizes;                // bytes of application data, at most LOAD_MAX_SIZES
  std::array<uint8_t, LOAD_PATTERN> pattern;  // indices of `sizes`, which come over and over in this order

  uint16_t largest() const;
  double mean() const;  // bytes
};

// Profile::kMixed is one direction of a call with voice and video: Opus or G.711 in 50 datagrams a second of
// 160 bytes, and video of 1.4 Mbit/s in 150 a second, half of them 1100 and half 1200 bytes long (what fits
// the MTU of 1200 that WebRTC senders keep to). Hence of each 8 datagrams 2 of 160, 3 of 1100, 3 of 1200:
// 902.5 bytes in the mean.
SizeMix size_mix(Profile profile, uint16_t fixed_size);

}  // namespace turnpike::load
