// SPDX-License-Identifier: Apache-2.0
#include "fastpath/allocation_table.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <mutex>
#include <vector>

#include "fastpath/policing.h"

namespace turnpike::fastpath {

Result<std::unique_ptr<AllocationTable>> AllocationTable::create(const RelayProgram& program,
                                                                 const TrafficRates& rates) {
  const RelayMaps& maps = program.maps();
  auto allocations = MappedArray<tp_allocation>::map(maps.allocations.fd, maps.allocations.max_entries);
  if (!allocations) return forward(allocations);
  auto users = MappedArray<tp_user>::map(maps.users.fd, maps.users.max_entries);
  if (!users) return forward(users);
  std::unique_ptr<AllocationTable> table(
      new AllocationTable(program, rates, std::move(*allocations), std::move(*users)));
  if (program.taken_over()) table->find_earlier();
  return table;
}

AllocationTable::AllocationTable(const RelayProgram& program, const TrafficRates& rates,
                                 MappedArray<tp_allocation> allocations, MappedArray<tp_user> users)
    : program_(program),
      rates_(rates),
      allocations_(std::move(allocations)),
      user_entries_(std::move(users)),
      slots_(0, allocations_.size()),
      user_slots_(kNobody + 1, user_entries_.size()),
      cpus_(static_cast<unsigned>(libbpf_num_possible_cpus())) {}

void AllocationTable::find_earlier() {
  for (uint32_t slot = 0; slot < allocations_.size(); ++slot) {
    tp_allocation& entry = allocations_[slot];
    if (entry.id == 0) continue;  // free, or taken by a process that died before it wrote the id
    if (!index_.emplace(AllocationId{entry.id}, Known{slot, std::nullopt, false}).second) continue;
    slots_.adopt(slot, 0);
    if (entry.user >= user_entries_.size()) store_shared(entry.user, kNobody);
    if (entry.user == kNobody) continue;
    user_slots_.adopt(entry.user, 0);
    earlier_users_.insert(entry.user);
  }
}

Result<uint32_t> AllocationTable::set(const SessionRecord& session, MonotonicTime now) {
  const auto found = index_.find(session.id);
  if (found == index_.end()) return take(session, now);
  tp_allocation& entry = allocations_[found->second.slot];
  if (!found->second.set) {
    const auto user = join_user(session.username, entry.user, now);
    if (!user) return forward(user);
    store_shared(entry.user, *user);
    set_rate(entry.policer, rates_.allocation);
    if (*user != kNobody) found->second.username = session.username;
    found->second.set = true;
  }
  store_shared(entry.expires, __u64{kernel_nanoseconds(session.expires)});
  return found->second.slot;
}

Result<uint32_t> AllocationTable::take(const SessionRecord& session, MonotonicTime now) {
  const auto slot = slots_.take(now);
  if (!slot) {
    ++refused_;
    return fail(ErrorCode::kExhausted,
                "the table of allocations is full (" + std::to_string(slots_.size()) + ")");
  }
  const auto user = join_user(session.username, kNobody, now);
  if (!user) {
    slots_.give_back(*slot, now);
    return forward(user);
  }
  const std::vector<tp_allocation_counters> zeros(cpus_);
  (void)bpf_map_update_elem(program_.maps().allocation_counters.fd, &*slot, zeros.data(), BPF_ANY);
  tp_allocation& entry = allocations_[*slot];
  reset(entry.policer);
  set_rate(entry.policer, rates_.allocation);
  store_shared(entry.user, *user);
  store_shared(entry.expires, __u64{kernel_nanoseconds(session.expires)});
  store_shared(entry.id, __u64{session.id.value});
  const std::unique_lock lock(index_mutex_);
  Known& known = index_[session.id];
  known = {*slot, std::nullopt, true};
  if (*user != kNobody) known.username = session.username;
  return *slot;
}

Result<uint32_t> AllocationTable::join_user(const std::string& username, uint32_t earlier,
                                            MonotonicTime now) {
  if (!rates_.user.limits()) return kNobody;
  const auto [user, is_new] = users_.try_emplace(username);
  if (is_new) {
    const auto slot = user_slot(earlier, now);
    if (!slot) {
      ++refused_users_;
      users_.erase(user);
      return fail(ErrorCode::kExhausted,
                  "the table of users is full (" + std::to_string(user_slots_.size() - 1) + ")");
    }
    user->second.slot = *slot;
    set_rate(user_entries_[*slot].policer, rates_.user);
  } else if (user->second.allocations == 0) {
    left_.erase(user->second.left);
  }
  ++user->second.allocations;
  return user->second.slot;
}

std::optional<uint32_t> AllocationTable::user_slot(uint32_t earlier, MonotonicTime now) {
  if (earlier_users_.erase(earlier) != 0) return earlier;
  auto slot = user_slots_.take(now);
  if (!slot && !left_.empty() && now - left_.front().at >= kSlotRest) {
    const auto forgotten = users_.find(left_.front().username);
    slot = forgotten->second.slot;
    users_.erase(forgotten);
    left_.pop_front();
  }
  if (slot) reset(user_entries_[*slot].policer);
  return slot;
}

void AllocationTable::leave_user(const std::string& username, MonotonicTime now) {
  const auto user = users_.find(username);
  if (user == users_.end() || --user->second.allocations != 0) return;
  user->second.left = left_.insert(left_.end(), {username, now});
}

void AllocationTable::stop(AllocationId id) {
  const auto found = index_.find(id);
  if (found != index_.end()) store_shared(allocations_[found->second.slot].expires, __u64{0});
}

void AllocationTable::remove(AllocationId id, MonotonicTime now) {
  const auto found = index_.find(id);
  if (found == index_.end()) return;
  const Known known = found->second;
  {
    const std::unique_lock lock(index_mutex_);
    index_.erase(found);
  }
  free(known, now);
}

void AllocationTable::free(const Known& known, MonotonicTime now) {
  tp_allocation& entry = allocations_[known.slot];
  store_shared(entry.expires, __u64{0});
  store_shared(entry.id, __u64{0});
  if (known.username) leave_user(*known.username, now);
  slots_.give_back(known.slot, now);
}

void AllocationTable::finish_takeover(MonotonicTime now) {
  std::vector<AllocationId> ended;
  for (const auto& [id, known] : index_)
    if (!known.set) ended.push_back(id);
  for (const AllocationId id : ended)
    remove(id, now);
  for (const uint32_t slot : earlier_users_)
    user_slots_.give_back(slot, now);
  earlier_users_.clear();
}

std::optional<Admission> AllocationTable::admit(AllocationId id, Direction direction, size_t bytes,
                                                MonotonicTime now) {
  const std::shared_lock lock(index_mutex_);
  const auto found = index_.find(id);
  if (found == index_.end()) return std::nullopt;
  tp_allocation& entry = allocations_[found->second.slot];
  return admit_by(entry.policer, user_entries_[load_shared(entry.user)].policer, direction, bytes, now);
}

FlowCounters AllocationTable::counters(AllocationId id) const {
  const std::shared_lock lock(index_mutex_);
  const auto found = index_.find(id);
  if (found == index_.end()) return {};
  std::vector<tp_allocation_counters> each(cpus_);
  FlowCounters sum;
  if (bpf_map_lookup_elem(program_.maps().allocation_counters.fd, &found->second.slot, each.data()) != 0)
    return sum;
  for (const tp_allocation_counters& cpu : each) {
    sum.relayed.to_peer_packets += cpu.to_peer.packets;
    sum.relayed.to_peer_bytes += cpu.to_peer.bytes;
    sum.relayed.to_client_packets += cpu.to_client.packets;
    sum.relayed.to_client_bytes += cpu.to_client.bytes;
    sum.refused_packets += cpu.refused.packets;
    sum.refused_bytes += cpu.refused.bytes;
  }
  return sum;
}

MonotonicTime AllocationTable::expires(uint32_t slot) const {
  return MonotonicTime(Nanoseconds(load_shared(allocations_[slot].expires)));
}

}  // namespace turnpike::fastpath
