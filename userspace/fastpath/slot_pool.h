// SPDX-License-Identifier: Apache-2.0
//
// SlotPool: which slots of a shared array are free. A slot that was given back rests for a second, so that a
// program on another CPU that read it just before has long finished with it, and its generation goes on
// counting, so that a flow entry that still names the slot's earlier life never matches a later one. Slots
// that an earlier process used come by adopt() and remember(), which are called before the first take().
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "util/clock.h"

namespace turnpike::fastpath {

inline constexpr Nanoseconds kSlotRest = std::chrono::seconds(1);

// Slots for `used` at a time while others come as some go: as many may rest as leave within a second.
constexpr uint32_t with_resting(uint32_t used) {
  return used + used / 8 + 64;
}

class SlotPool {
 public:
  // Slots first..end-1.
  SlotPool(uint32_t first, uint32_t end) : next_(first), end_(end), adopted_(end), generations_(end, 0) {}

  // The slot is in use already; it may be given back like any other.
  void adopt(uint32_t slot, uint32_t generation) {
    if (!adopted_[slot]) ++used_;
    adopted_[slot] = true;
    generations_[slot] = generation;
  }
  // The slot is free, and this was its last generation.
  void remember(uint32_t slot, uint32_t generation) { generations_[slot] = generation; }

  // Nothing when all slots are taken or resting.
  std::optional<uint32_t> take(MonotonicTime now) {
    if (!resting_.empty() && resting_.front().until <= now) {
      const uint32_t slot = resting_.front().slot;
      resting_.pop_front();
      ++used_;
      return slot;
    }
    while (next_ < end_ && adopted_[next_])
      ++next_;
    if (next_ >= end_) return std::nullopt;
    ++used_;
    return next_++;
  }
  void give_back(uint32_t slot, MonotonicTime now) {
    resting_.push_back({slot, now + kSlotRest});
    --used_;
  }
  // One that the slot never had; never 0, which means unpublished.
  uint32_t new_generation(uint32_t slot) {
    if (++generations_[slot] == 0) ++generations_[slot];
    return generations_[slot];
  }
  // Taken ones; those that rest do not count.
  uint32_t used() const { return used_; }
  uint32_t size() const { return end_; }

 private:
  struct Resting {
    uint32_t slot;
    MonotonicTime until;
  };
  uint32_t next_;  // next_..end_-1: not given away so far, but for those that are adopted
  uint32_t end_;
  uint32_t used_ = 0;
  std::deque<Resting> resting_;  // in the order of `until`
  std::vector<bool> adopted_;
  std::vector<uint32_t> generations_;
};

}  // namespace turnpike::fastpath
