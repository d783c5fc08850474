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
  const auto user = users_.try_emplace(session.username).first;
  set_rate(user->second.policer, rates_.user);
  ++user->second.allocations;
  limited->second.user = &*user;
}

void HeapLimits::remove(AllocationId id) {
  const std::unique_lock lock(mutex_);
  const auto found = allocations_.find(id);
  if (found == allocations_.end()) return;
  Users::pointer user = found->second.user;
  allocations_.erase(found);
  if (--user->second.allocations == 0) users_.erase(users_.find(user->first));
}

Admission HeapLimits::admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now) {
  const std::shared_lock lock(mutex_);
  const auto found = allocations_.find(id);
  if (found == allocations_.end()) return Admission::kAdmitted;
  return admit_by(found->second.policer, found->second.user->second.policer, direction, bytes, now);
}

}  // namespace turnpike::fastpath
