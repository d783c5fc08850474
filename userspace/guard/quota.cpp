// SPDX-License-Identifier: Apache-2.0
#include "guard/quota.h"

namespace turnpike::guard {

SharedQuota::Verdict SharedQuota::acquire(std::string_view username) {
  const std::lock_guard lock(mutex_);
  const auto found = by_user_.find(username);
  if (limits_.user != 0 && found != by_user_.end() && found->second >= limits_.user)
    return Verdict::kUserFull;
  if (total_ >= limits_.relay) return Verdict::kRelayFull;
  count(found, username);
  return Verdict::kGranted;
}

void SharedQuota::adopt(std::string_view username) {
  const std::lock_guard lock(mutex_);
  count(by_user_.find(username), username);
}

void SharedQuota::count(ByUser::iterator found, std::string_view username) {
  ++total_;
  if (found != by_user_.end())
    ++found->second;
  else
    by_user_.emplace(username, 1);
}

void SharedQuota::release(std::string_view username) {
  const std::lock_guard lock(mutex_);
  const auto found = by_user_.find(username);
  if (found == by_user_.end()) return;
  --total_;
  if (--found->second == 0) by_user_.erase(found);
}

uint32_t SharedQuota::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

uint32_t SharedQuota::of_user(std::string_view username) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_user_.find(username);
  return found == by_user_.end() ? 0 : found->second;
}

size_t SharedQuota::users() const {
  const std::lock_guard lock(mutex_);
  return by_user_.size();
}

}  // namespace turnpike::guard
