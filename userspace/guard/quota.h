// SPDX-License-Identifier: Apache-2.0
//
// SharedQuota: how many allocations there are, of each user and of the relay, over all workers. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "turn/environment.h"

namespace turnpike::guard {

struct QuotaLimits {
  uint32_t relay = 65536;  // allocations of the relay
  uint32_t user = 0;       // allocations of one user; 0: no limit of its own
};

class SharedQuota final : public turn::AllocationQuota {
 public:
  explicit SharedQuota(QuotaLimits limits) : limits_(limits) {}

  Verdict acquire(std::string_view username) override;
  void adopt(std::string_view username) override;
  void release(std::string_view username) override;

  uint32_t total() const;
  uint32_t of_user(std::string_view username) const;
  size_t users() const;  // with an allocation

 private:
  using ByUser = std::map<std::string, uint32_t, std::less<>>;
  void count(ByUser::iterator found, std::string_view username);

  const QuotaLimits limits_;
  mutable std::mutex mutex_;  // guards what follows
  uint32_t total_ = 0;
  ByUser by_user_;  // never a zero: bounded by the relay's limit
};

}  // namespace turnpike::guard
