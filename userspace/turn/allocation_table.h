// SPDX-License-Identifier: Apache-2.0
//
// AllocationTable: a server's allocations by 5-tuple and by relayed address, and when each must next be
// looked at. An allocation has one alarm, never later than its earliest expiry; after a refresh it may ring
// early, which costs a look and is cheaper than searching for the new earliest each time.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "turn/allocation.h"

namespace turnpike::turn {

class AllocationTable {
 public:
  // nullptr when there is none.
  Allocation* find(const FiveTuple& five_tuple) const;
  Allocation* find_relayed(const Endpoint& relayed) const;
  // Its 5-tuple and relayed address are in no other allocation. The alarm is at its earliest expiry.
  Allocation& add(Allocation allocation);
  void remove(Allocation& allocation);
  size_t size() const { return by_five_tuple_.size(); }

  // Moves the alarm forward to `time`, unless it rings before.
  void ring_by(Allocation& allocation, MonotonicTime time);
  // Moves the alarm to the earliest expiry.
  void reset_alarm(Allocation& allocation);
  // One whose alarm rings at or before `now`; nullptr when there is none.
  Allocation* ringing(MonotonicTime now) const;
  std::optional<MonotonicTime> next_alarm() const;

  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [five_tuple, entry] : by_five_tuple_)
      visit(entry->allocation);
  }

 private:
  struct Entry;
  struct Alarm {
    MonotonicTime time;
    AllocationId id;  // orders equal times
    Entry* entry;
    bool operator<(const Alarm& other) const {
      return time != other.time ? time < other.time : id < other.id;
    }
  };
  struct Entry {
    Allocation allocation;
    std::set<Alarm>::iterator alarm;
  };

  Entry& entry_of(const Allocation& allocation) { return *by_five_tuple_.at(allocation.five_tuple); }
  void set_alarm(Entry& entry, MonotonicTime time);

  std::unordered_map<FiveTuple, std::unique_ptr<Entry>> by_five_tuple_;
  std::unordered_map<Endpoint, Allocation*> by_relayed_;
  std::set<Alarm> alarms_;
};

}  // namespace turnpike::turn
