// SPDX-License-Identifier: Apache-2.0
//
// HeapLimits: the limits of allocations that the kernel does not know, in our own memory. Thread-safe.
#pragma once

#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "bpf/abi.h"
#include "fastpath/fast_path.h"

namespace turnpike::fastpath {

class HeapLimits {
 public:
  explicit HeapLimits(const TrafficRates& rates) : rates_(rates) {}

  // What is known already stays as it is.
  void set(const SessionRecord& session);
  void remove(AllocationId id);
  // kAdmitted when it is unknown.
  Admission admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now);
  bool limit() const { return rates_.allocation.limits() || rates_.user.limits(); }

 private:
  struct User {
    tp_policer policer{};
    uint32_t allocations = 0;
  };
  using Users = std::unordered_map<std::string, User>;
  struct Limited {
    tp_policer policer{};
    Users::pointer user = nullptr;  // an element stays where it is
  };

  TrafficRates rates_;
  std::shared_mutex mutex_;  // guards which elements there are; their words are shared
  Users users_;
  std::unordered_map<AllocationId, Limited> allocations_;
};

}  // namespace turnpike::fastpath
