// SPDX-License-Identifier: Apache-2.0
//
// AllocationTable: the slots of `allocations` and `users`, what they have been charged, and the counters.
// What an earlier process left is found again by its AllocationId; a user's slot by the allocations that name
// it. A user's slot outlasts the last allocation until another user needs it: who could end them to begin
// anew would have no quota. admit() and counters() may be called from any thread; the rest is guarded by
// XdpFastPath's mutex.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "bpf/abi.h"
#include "fastpath/fast_path.h"
#include "fastpath/mapped_array.h"
#include "fastpath/relay_program.h"
#include "fastpath/slot_pool.h"

namespace turnpike::fastpath {

class AllocationTable {
 public:
  // `program` must outlive this.
  static Result<std::unique_ptr<AllocationTable>> create(const RelayProgram& program,
                                                         const TrafficRates& rates);

  // New or a new expiry; the slot. kExhausted, naming the table that is full.
  Result<uint32_t> set(const SessionRecord& session, MonotonicTime now);
  // From now on nothing of it is relayed; its slot stays until it is removed.
  void stop(AllocationId id);
  void remove(AllocationId id, MonotonicTime now);
  // Removes what an earlier process left and nobody set again. Its bindings went before.
  void finish_takeover(MonotonicTime now);

  // Nothing when it is unknown.
  std::optional<Admission> admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now);
  FlowCounters counters(AllocationId id) const;
  MonotonicTime expires(uint32_t slot) const;

  TableUse use() const { return {"allocations", slots_.used(), slots_.size(), refused_}; }
  // Slots that are there for the asking do not count as used.
  TableUse user_use() const {
    return {"users", user_slots_.used() - left_.size(), user_slots_.size() - 1, refused_users_};
  }

 private:
  static constexpr uint32_t kNobody = 0;
  struct Known {
    uint32_t slot = 0;
    std::optional<std::string> username;  // nothing: its user has no slot
    bool set = false;                     // by this process
  };
  struct Left {
    std::string username;
    MonotonicTime at;
  };
  struct User {
    uint32_t slot = kNobody;
    uint32_t allocations = 0;
    std::list<Left>::iterator left;  // when there are none
  };

  AllocationTable(const RelayProgram& program, const TrafficRates& rates,
                  MappedArray<tp_allocation> allocations, MappedArray<tp_user> users);
  // Takes note of what an earlier process left.
  void find_earlier();
  Result<uint32_t> take(const SessionRecord& session, MonotonicTime now);
  // A slot of `users` for one more allocation of that name; `earlier`: that it had so far.
  Result<uint32_t> join_user(const std::string& username, uint32_t earlier, MonotonicTime now);
  // For a user who has none; nothing when all are in use. What an earlier one was charged stays.
  std::optional<uint32_t> user_slot(uint32_t earlier, MonotonicTime now);
  void leave_user(const std::string& username, MonotonicTime now);
  void free(const Known& known, MonotonicTime now);

  const RelayProgram& program_;
  TrafficRates rates_;
  MappedArray<tp_allocation> allocations_;
  MappedArray<tp_user> user_entries_;
  SlotPool slots_;
  SlotPool user_slots_;
  unsigned cpus_;
  uint64_t refused_ = 0;
  uint64_t refused_users_ = 0;
  mutable std::shared_mutex
      index_mutex_;  // guards which elements index_ has, and that their slots are theirs
  std::unordered_map<AllocationId, Known> index_;
  std::unordered_map<std::string, User> users_;
  std::list<Left> left_;                        // users without allocations; who left first goes first
  std::unordered_set<uint32_t> earlier_users_;  // slots that nobody of this process has joined
};

}  // namespace turnpike::fastpath
