// SPDX-License-Identifier: Apache-2.0
//
// HeapLimits: the limits of allocations that the kernel does not know, in our own memory. What a user was
// charged outlasts the last allocation, as in the kernel's table. Thread-safe.
#pragma once

#include <list>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "bpf/abi.h"
#include "fastpath/fast_path.h"

namespace turnpike::fastpath {

class HeapLimits {
 public:
  static constexpr size_t kMaxLeft = 65536;

  // `max_left`: users without allocations who are remembered; who left first goes first.
  explicit HeapLimits(const TrafficRates& rates, size_t max_left = kMaxLeft)
      : rates_(rates), max_left_(max_left) {}

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
    std::list<std::string>::iterator left;  // when there are none
  };
  using Users = std::unordered_map<std::string, User>;
  struct Limited {
    tp_policer policer{};
    Users::pointer user = nullptr;  // an element stays where it is
  };

  TrafficRates rates_;
  size_t max_left_;
  std::shared_mutex mutex_;  // guards which elements there are; their words are shared
  Users users_;
  std::list<std::string> left_;  // users without allocations, in the order in which they left
  std::unordered_map<AllocationId, Limited> allocations_;
};

}  // namespace turnpike::fastpath
