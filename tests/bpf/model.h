// SPDX-License-Identifier: Apache-2.0
//
// Model: what the XDP program ought to do with a packet, said a second time and another way: by a reader of
// bytes, strings of endpoints and checksums from scratch. Knows of no headroom and no clock: an expiry is in
// the past when it is kPast or 0, and a bucket is overdrawn when it is full again at kFarAhead.
#pragma once

#include "stun_bytes.h"
#include "world.h"

namespace turnpike::bpf_test {

struct Expected {
  tp_reason reason = TP_PASS_MALFORMED;
  Octets output;                                        // the input when the reason is a PASS_* or DROP_*
  uint64_t bytes = 0;                                   // that the reason's counter moves by
  std::map<uint32_t, tp_allocation_counters> counters;  // that move, by slot; last_seen is 0
  size_t id_offset = 0;      // where in `output` the transaction id of a Data indication is; 0: nowhere
  uint32_t too_big_mtu = 0;  // of the event; 0: none
  uint64_t too_big_for = 0;  // id of the allocation that the packet would have left by
  uint64_t allocation = 0;   // id of that by whose binding the packet came; 0: none was found
};

// `id`: for the Data indication that may come of it.
Expected expect(const World& world, const Octets& packet, const TransactionId& id = {});
// With the transaction id that the program chose: that in `output`, which the program made.
Expected expect_output(const World& world, const Octets& packet, const Octets& output);

inline bool is_relayed(tp_reason reason) {
  return reason <= TP_RELAYED_HAIRPIN;
}
inline bool is_pass(tp_reason reason) {
  return reason >= TP_PASS_NOT_IP && reason < TP_DROP_REWRITE;
}
const char* name_of(size_t reason);

}  // namespace turnpike::bpf_test
