// SPDX-License-Identifier: Apache-2.0
//
// SlotPool: which slots of a shared array are free. A slot that was given back rests for a second, so that a
// program on another CPU that read it just before has long finished with it, and its generation goes on
// counting, so that a flow entry that still names the slot's earlier life never matches a later one.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "util/clock.h"

namespace turnpike::fastpath {

inline constexpr Nanoseconds kSlotRest = std::chrono::seconds(1);

class SlotPool {
 public:
  // Slots first..end-1.
  SlotPool(uint32_t first, uint32_t end) : next_(first), end_(end), generations_(end, 0) {}

  // Nothing when all slots are taken or resting.
  std::optional<uint32_t> take(MonotonicTime now) {
    if (!resting_.empty() && resting_.front().until <= now) {
      const uint32_t slot = resting_.front().slot;
      resting_.pop_front();
      return slot;
    }
    if (next_ == end_) return std::nullopt;
    return next_++;
  }
  void give_back(uint32_t slot, MonotonicTime now) { resting_.push_back({slot, now + kSlotRest}); }
  // One that the slot never had; never 0, which means unpublished.
  uint32_t new_generation(uint32_t slot) {
    if (++generations_[slot] == 0) ++generations_[slot];
    return generations_[slot];
  }

 private:
  struct Resting {
    uint32_t slot;
    MonotonicTime until;
  };
  uint32_t next_;  // never used so far: next_..end_-1
  uint32_t end_;
  std::deque<Resting> resting_;  // in the order of `until`
  std::vector<uint32_t> generations_;
};

}  // namespace turnpike::fastpath
