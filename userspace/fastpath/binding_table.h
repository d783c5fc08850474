// SPDX-License-Identifier: Apache-2.0
//
// BindingTable: the slots of `bindings` and the flow entries of each: of clients, permissions and channels.
// What an earlier process left stays as it is until it is adopted, stands in the way of something new, or
// finish_takeover() ends it. Generations go on from `last_generation`, which is in the slot's memory and
// outlives the process: a flow entry that a killed process left never fits a later life of its slot. Guarded
// by XdpFastPath's mutex.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

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
  static Result<BindingTable> create(const RelayProgram& program);

  // The slot that forwards by `wanted` from now on: the one of an earlier process that does so already (its
  // expiries are renewed, its next hops stay, and flow entries that are missing because its process died
  // between two writes are made up for), or a new one without next hops. kExhausted, naming the table that is
  // full; kInUse when another binding has one of its flows. After an error nothing of it is left.
  Result<uint32_t> enter(const tp_binding& wanted, MonotonicTime now);
  // Takes the flow entries away, then the slot's contents.
  void leave(uint32_t slot, MonotonicTime now);
  // Ends what nobody entered again, and removes flow entries without a slot. How many bindings that were.
  size_t finish_takeover(MonotonicTime now);

  // As in tp_binding.
  void set_expiries(uint32_t slot, uint64_t channel, uint64_t permission);
  void set_next_hop(uint32_t slot, End end, uint32_t next_hop);
  // Packets from `remote` to the relayed address `local` have a flow, of a channel or a permission.
  bool has_peer_flow(const Endpoint& remote, const Endpoint& local) const;

  TableUse use() const { return {"bindings", pool_.used(), pool_.size(), refused_}; }
  TableUse flow_use() const;

 private:
  // A client and a permission have one flow entry, a channel two.
  struct Flows {
    std::array<tp_flow_key, 2> keys;
    size_t count;
    std::span<const tp_flow_key> all() const { return {keys.data(), count}; }
  };
  struct Less {
    bool operator()(const tp_flow_key& one, const tp_flow_key& other) const;
  };

  BindingTable(const RelayProgram& program, MappedArray<tp_binding> slots);
  static Flows flows_of(const tp_binding& binding);
  Result<void> find_earlier();
  std::optional<uint32_t> adopt(const tp_binding& wanted);
  Result<uint32_t> publish(tp_binding entry, MonotonicTime now);
  Result<void> write_flows(uint32_t slot, MonotonicTime now);
  Result<void> write_flow(const tp_flow_key& key, const tp_flow& ours, MonotonicTime now);
  // Takes out of the way what holds `key`, unless it is a binding of this process.
  bool clear_flow(const tp_flow_key& key, MonotonicTime now);
  // When it is the one of `slot`.
  void erase_flow(const tp_flow_key& key, uint32_t slot);
  std::optional<tp_flow> read_flow(const tp_flow_key& key) const;
  // A published slot has this flow.
  bool is_live(const tp_flow_key& key, const tp_flow& flow) const;

  const RelayProgram* program_;
  MappedArray<tp_binding> slots_;
  SlotPool pool_;
  std::multimap<tp_flow_key, uint32_t, Less> earlier_;  // not adopted yet, by their first flow
  uint64_t flows_ = 0;
  uint64_t refused_ = 0;
  uint64_t refused_flows_ = 0;
};

}  // namespace turnpike::fastpath
