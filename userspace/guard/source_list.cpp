// SPDX-License-Identifier: Apache-2.0
#include "guard/source_list.h"

#include <algorithm>

namespace turnpike::guard {
namespace {

constexpr unsigned kIpv4Bits = 96;  // those before an IPv4 address in the layout

// Whoever has an IPv6 address has all of its /64.
IpAddress party_of(const IpAddress& source) {
  return source.is_v4() ? source : Prefix(source, 64).address();
}

}  // namespace

SourceList::SourceList(const SourceRates& rates)
    : rates_(rates), rate_(std::max(rates.requests_per_second, 1u), std::max(rates.requests_at_once, 1u)) {}

bool SourceList::blocked(const IpAddress& source, MonotonicTime now) const {
  return any_blocked_.load(std::memory_order_relaxed) && is_blocked(source, now);
}

bool SourceList::is_blocked(const IpAddress& source, MonotonicTime now) const {
  const unsigned before = source.is_v4() ? kIpv4Bits : 0;
  const std::shared_lock lock(blocks_mutex_);
  for (auto length = blocks_.lower_bound(before); length != blocks_.end(); ++length) {
    const auto& [bits, blocks] = *length;
    const auto found = blocks.find(Prefix(source, bits - before));
    if (found != blocks.end() && found->second > now) return true;
  }
  return false;
}

void SourceList::block(const Prefix& source, MonotonicTime expires) {
  const std::unique_lock lock(blocks_mutex_);
  blocks_[source.bits()].insert_or_assign(source, expires);
  any_blocked_.store(true, std::memory_order_relaxed);
}

bool SourceList::unblock(const Prefix& source) {
  const std::unique_lock lock(blocks_mutex_);
  const auto length = blocks_.find(source.bits());
  if (length == blocks_.end() || length->second.erase(source) == 0) return false;
  if (length->second.empty()) blocks_.erase(length);
  any_blocked_.store(!blocks_.empty(), std::memory_order_relaxed);
  return true;
}

std::vector<Prefix> SourceList::remove_expired(MonotonicTime now) {
  std::vector<Prefix> removed;
  if (!any_blocked_.load(std::memory_order_relaxed)) return removed;
  const std::unique_lock lock(blocks_mutex_);
  for (auto& [bits, of_length] : blocks_)
    std::erase_if(of_length, [&](const auto& block) {
      if (block.second > now) return false;
      removed.push_back(block.first);
      return true;
    });
  std::erase_if(blocks_, [](const auto& of_length) { return of_length.second.empty(); });
  any_blocked_.store(!blocks_.empty(), std::memory_order_relaxed);
  return removed;
}

std::vector<Block> SourceList::blocks(MonotonicTime now) const {
  std::vector<Block> blocks;
  const std::shared_lock lock(blocks_mutex_);
  for (const auto& [bits, of_length] : blocks_)
    for (const auto& [source, expires] : of_length)
      if (expires > now) blocks.push_back({source, expires});
  std::ranges::sort(blocks, {}, &Block::source);
  return blocks;
}

bool SourceList::admit_request(const IpAddress& source, MonotonicTime now) {
  if (rates_.requests_per_second == 0) return true;
  const IpAddress party = party_of(source);
  const std::lock_guard lock(budgets_mutex_);
  while (!by_time_.empty() && by_time_.begin()->first <= now) {  // full again
    budgets_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
  const auto known = budgets_.find(party);
  MonotonicTime full_at = known == budgets_.end() ? MonotonicTime{} : known->second->first;
  if (!rate_.admit(full_at, now)) return false;
  if (known != budgets_.end()) {
    auto node = by_time_.extract(known->second);
    node.key() = full_at;
    known->second = by_time_.insert(std::move(node));
    return true;
  }
  if (budgets_.size() >= rates_.max_sources) {
    budgets_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
  budgets_.emplace(party, by_time_.emplace(full_at, party));
  return true;
}

size_t SourceList::sources() const {
  const std::lock_guard lock(budgets_mutex_);
  return budgets_.size();
}

}  // namespace turnpike::guard
