// SPDX-License-Identifier: Apache-2.0
//
// Model: what the XDP program ought to do with a packet, said a second time and another way: by a reader of
// bytes, strings of endpoints and checksums from scratch. Knows of no headroom and no clock: an expiry is in
// the past when it is kPast or 0.
#pragma once

#include "world.h"

namespace turnpike::bpf_test {

struct Expected {
  tp_reason reason = TP_PASS_MALFORMED;
  Octets output;       // the input when the reason is a PASS_*
  uint64_t bytes = 0;  // that the reason's counter moves by
};

Expected expect(const World& world, const Octets& packet);

}  // namespace turnpike::bpf_test
