// SPDX-License-Identifier: Apache-2.0
//
// RelayControl: what the program is told apart from sessions: the host's addresses, their 1:1 NAT, what
// sources may ask for, and whose packets are traced. Guarded by XdpFastPath's mutex.
#pragma once

#include <unordered_set>

#include "bpf/abi.h"
#include "fastpath/mapped_array.h"
#include "fastpath/relay_program.h"
#include "fastpath/xdp_fast_path.h"

namespace turnpike::fastpath {

class RelayControl {
 public:
  // To be created before the program is on an interface. `program` must outlive this.
  static Result<RelayControl> create(const RelayProgram& program, const XdpOptions& options);

  // Whether a packet to `address`, in any way that it may be read, comes to this relay.
  bool is_ours(const IpAddress& address) const;
  // As FastPath::trace().
  uint64_t trace(AllocationId id, uint32_t packets_per_second);
  // Whether Binding requests may be answered: not where frames' VLAN tags are hidden, as the answer would go
  // without them. False at first.
  void answer_binding(bool safe);
  // How many entries the program has to reckon with in `blocked`.
  void set_blocked(uint32_t entries) { store_shared(control_[0].blocked, entries); }

 private:
  RelayControl(const XdpOptions& options, MappedArray<tp_control> control);
  void write_costs(const XdpOptions& options);

  MappedArray<tp_control> control_;
  std::unordered_set<IpAddress> ours_;  // local and external
  bool wants_binding_;                  // to be answered
};

}  // namespace turnpike::fastpath
