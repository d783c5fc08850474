// SPDX-License-Identifier: Apache-2.0
#include "fastpath/heap_limits.h"

#include <mutex>

#include "fastpath/policing.h"

namespace turnpike::fastpath {

void HeapLimits::set(const SessionRecord& session) {
  if (!limit()) return;
  const std::unique_lock lock(mutex_);
  const auto [limited, is_new] = allocations_.try_emplace(session.id);
  if (!is_new) return;
  set_rate(limited->second.policer, rates_.allocation);
  const auto [user, is_new_user] = users_.try_emplace(session.username);
  if (is_new_user)
    set_rate(user->second.policer, rates_.user);
  else if (user->second.allocations == 0)
    left_.erase(user->second.left);
  ++user->second.allocations;
  limited->second.user = &*user;
}

void HeapLimits::remove(AllocationId id) {
  const std::unique_lock lock(mutex_);
  const auto found = allocations_.find(id);
  if (found == allocations_.end()) return;
  Users::pointer user = found->second.user;
  allocations_.erase(found);
  if (--user->second.allocations != 0) return;
  user->second.left = left_.insert(left_.end(), user->first);
  if (left_.size() <= max_left_) return;
  users_.erase(left_.front());
  left_.pop_front();
}

Admission HeapLimits::admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now) {
  const std::shared_lock lock(mutex_);
  const auto found = allocations_.find(id);
  if (found == allocations_.end()) return Admission::kAdmitted;
  return admit_by(found->second.policer, found->second.user->second.policer, direction, bytes, now);
}

}  // namespace turnpike::fastpath
