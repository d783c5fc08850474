// SPDX-License-Identifier: Apache-2.0
//
// SourceList: which sources are kept out, and how many requests a source without an allocation may send
// (IPv6: its /64). The BPF program keeps both too, at the same rates, for what passes its interfaces; that
// the requests it lets through are charged here again takes nothing from them. Any thread.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "turn/environment.h"
#include "util/cell_rate.h"

namespace turnpike::guard {

struct SourceRates {
  uint32_t requests_per_second = 500;  // 0: no limit
  uint32_t requests_at_once = 2000;    // at least 1
  size_t max_sources = 65536;          // whose budgets are remembered, at least 1
};

struct Block {
  Prefix source;
  MonotonicTime expires;  // max(): never
  bool operator==(const Block&) const = default;
};

class SourceList final : public turn::SourceGuard {
 public:
  explicit SourceList(const SourceRates& rates);

  bool blocked(const IpAddress& source, MonotonicTime now) const override;
  bool admit_request(const IpAddress& source, MonotonicTime now) override;

  // Again: a new expiry.
  void block(const Prefix& source, MonotonicTime expires);
  bool unblock(const Prefix& source);  // false: that very prefix was not blocked
  // Takes out what is over, and tells it. To be called now and then; until then it only costs its look-ups.
  std::vector<Prefix> remove_expired(MonotonicTime now);
  // Those in force, by prefix.
  std::vector<Block> blocks(MonotonicTime now) const;

  size_t sources() const;  // whose budgets are remembered

 private:
  bool is_blocked(const IpAddress& source, MonotonicTime now) const;

  std::atomic<bool> any_blocked_ = false;  // what each packet reads; may stay behind the truth for a moment
  mutable std::shared_mutex blocks_mutex_;
  // By length, in Prefix::bits(): a look-up masks the source once for each length there is. Guarded by
  // blocks_mutex_.
  std::map<unsigned, std::map<Prefix, MonotonicTime>> blocks_;

  const SourceRates rates_;
  const CellRate rate_;
  mutable std::mutex budgets_mutex_;  // guards what follows
  // A source is here until its bucket is full again; beyond max_sources the one that will be soonest goes.
  using ByTime = std::multimap<MonotonicTime, IpAddress>;
  ByTime by_time_;
  std::unordered_map<IpAddress, ByTime::iterator> budgets_;
};

}  // namespace turnpike::guard
