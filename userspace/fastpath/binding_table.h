// SPDX-License-Identifier: Apache-2.0
//
// BindingTable: the slots of `bindings`, the two flow entries of each, and its counters. Guarded by
// XdpFastPath's mutex.
#pragma once

#include <cstdint>
#include <optional>

#include "bpf/abi.h"
#include "fastpath/fast_path.h"
#include "fastpath/mapped_array.h"
#include "fastpath/relay_program.h"
#include "fastpath/slot_pool.h"
#include "util/relay_types.h"

namespace turnpike::fastpath {

enum class End : uint8_t { kClient, kPeer };

class BindingTable {
 public:
  // `program` must outlive this.
  static Result<BindingTable> create(const RelayProgram& program, uint32_t count);

  // A free slot, its counters at zero. kExhausted when all are taken or resting.
  Result<uint32_t> take(MonotonicTime now);
  void give_back(uint32_t slot, MonotonicTime now) { pool_.give_back(slot, now); }
  // Writes the slot, then both flow entries; the generation is chosen here. After an error nothing of it is
  // left: kExhausted when the table of flows is full, kInUse when another binding has one of its 5-tuples.
  Result<void> publish(uint32_t slot, tp_binding entry);
  // Takes the flow entries away, then the slot's contents.
  void withdraw(uint32_t slot);

  void set_expiries(uint32_t slot, const Binding& binding);
  void set_next_hop(uint32_t slot, End end, uint32_t next_hop);
  FlowCounters counters(uint32_t slot) const;
  // Packets from `remote` to the relayed address `local` have a flow.
  bool has_peer_flow(const Endpoint& remote, const Endpoint& local) const;

 private:
  BindingTable(const RelayProgram& program, MappedArray<tp_binding> slots, uint32_t count);

  const RelayProgram* program_;
  MappedArray<tp_binding> slots_;
  SlotPool pool_;
  uint32_t count_;
  unsigned cpus_;
};

tp_endpoint to_abi(const Endpoint& endpoint);

}  // namespace turnpike::fastpath
