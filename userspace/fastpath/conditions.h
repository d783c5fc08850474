// SPDX-License-Identifier: Apache-2.0
//
// Conditions: what a verdict about an interface hangs on, the program on it or the test packet through it.
// When they change, it is tried again.
#pragma once

#include <cstdint>
#include <vector>

#include "fastpath/fast_path.h"
#include "net/rtnetlink.h"

namespace turnpike::fastpath {

struct Conditions {
  uint32_t carrier_downs = 0;
  uint32_t other_end = 0;  // the native program on a veth's other end, where that is in this namespace
  bool hides_tags = false;
  // Only where the verdict could have been better:
  bool up = false;
  uint32_t mtu = 0;
  uint32_t others_program = 0;
  std::vector<uint32_t> features;
  bool operator==(const Conditions&) const = default;

  // As they are for the program on `link`, which it carries in `mode`. `other_end` may be null.
  static Conditions of_port(const net::Link& link, const net::Link* other_end, bool has_vlans, Mode mode);
  // As they are for the test packet through `link`, where the program is not native.
  static Conditions of_target(const net::Link& link, const net::Link* other_end);
};

}  // namespace turnpike::fastpath
