// SPDX-License-Identifier: Apache-2.0
#include "turn/allocation_table.h"

namespace turnpike::turn {

Allocation* AllocationTable::find(const FiveTuple& five_tuple) const {
  const auto found = by_five_tuple_.find(five_tuple);
  return found == by_five_tuple_.end() ? nullptr : &found->second->allocation;
}

Allocation* AllocationTable::find_relayed(const Endpoint& relayed) const {
  const auto found = by_relayed_.find(relayed);
  return found == by_relayed_.end() ? nullptr : found->second;
}

Allocation& AllocationTable::add(Allocation allocation) {
  auto entry = std::make_unique<Entry>(Entry{std::move(allocation), {}});
  Allocation& added = entry->allocation;
  entry->alarm = alarms_.insert({added.earliest_expiry(), added.id, entry.get()}).first;
  by_relayed_.emplace(added.relayed, &added);
  by_five_tuple_.emplace(added.five_tuple, std::move(entry));
  return added;
}

void AllocationTable::remove(Allocation& allocation) {
  const auto found = by_five_tuple_.find(allocation.five_tuple);
  alarms_.erase(found->second->alarm);
  by_relayed_.erase(allocation.relayed);
  by_five_tuple_.erase(found);
}

void AllocationTable::ring_by(Allocation& allocation, MonotonicTime time) {
  Entry& entry = entry_of(allocation);
  if (time < entry.alarm->time) set_alarm(entry, time);
}

void AllocationTable::reset_alarm(Allocation& allocation) {
  set_alarm(entry_of(allocation), allocation.earliest_expiry());
}

Allocation* AllocationTable::ringing(MonotonicTime now) const {
  if (alarms_.empty() || alarms_.begin()->time > now) return nullptr;
  return &alarms_.begin()->entry->allocation;
}

std::optional<MonotonicTime> AllocationTable::next_alarm() const {
  if (alarms_.empty()) return std::nullopt;
  return alarms_.begin()->time;
}

void AllocationTable::set_alarm(Entry& entry, MonotonicTime time) {
  auto node = alarms_.extract(entry.alarm);
  node.value().time = time;
  entry.alarm = alarms_.insert(std::move(node)).position;
}

}  // namespace turnpike::turn
