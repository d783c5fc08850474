// SPDX-License-Identifier: Apache-2.0
//
// Policing: the arithmetic of bpf/abi.h's tp_policer, as the kernel does it. Words are changed atomically,
// for the kernel and other threads charge the same ones. Several that are admitted at the same moment may
// each find the last room in a bucket; what they take too much is missing from it afterwards.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bpf/abi.h"
#include "fastpath/fast_path.h"
#include "fastpath/mapped_array.h"
#include "util/clock.h"

namespace turnpike::fastpath {

inline constexpr uint64_t kTicksPerSecond = uint64_t{1'000'000'000} << TP_TICK_SHIFT;

// Ticks that one of `per_second` costs; 0, no limit, for none.
inline uint64_t cost_of(uint64_t per_second) {
  return per_second == 0 ? 0 : std::max<uint64_t>(1, kTicksPerSecond / per_second);
}
inline uint64_t ticks_of(Nanoseconds duration) {
  return static_cast<uint64_t>(duration.count()) << TP_TICK_SHIFT;
}
inline uint64_t ticks_at(MonotonicTime time) {
  return kernel_nanoseconds(time) << TP_TICK_SHIFT;
}

// Gives a policer new rates; what it has been charged stays.
inline void set_rate(tp_policer& policer, const Rate& rate) {
  const uint64_t byte_cost =
      rate.bytes_per_second == 0
          ? 0
          : std::max<uint64_t>(1, (kTicksPerSecond << TP_COST_SHIFT) / rate.bytes_per_second);
  store_shared(policer.byte_cost, __u64{byte_cost});
  store_shared(policer.packet_cost, __u64{cost_of(rate.packets_per_second)});
  store_shared(policer.burst, __u64{ticks_of(rate.burst)});
  store_shared(policer.quota, __u64{rate.quota_bytes});
}

inline void reset(tp_policer& policer) {
  for (__u64* word : {&policer.bytes_at[0], &policer.bytes_at[1], &policer.packets_at[0],
                      &policer.packets_at[1], &policer.used})
    store_shared(*word, __u64{0});
}

inline tp_direction policed(Direction direction) {
  return direction == Direction::kToPeer ? TP_TO_PEER : TP_TO_CLIENT;
}

inline bool within_rate(const tp_policer& policer, tp_direction direction, uint64_t now) {
  const uint64_t latest = now + load_shared(policer.burst);
  return (load_shared(policer.byte_cost) == 0 || load_shared(policer.bytes_at[direction]) <= latest) &&
         (load_shared(policer.packet_cost) == 0 || load_shared(policer.packets_at[direction]) <= latest);
}

inline bool within_quota(const tp_policer& policer, size_t bytes) {
  const uint64_t quota = load_shared(policer.quota);
  return quota == 0 || load_shared(policer.used) + bytes <= quota;
}

// Moves on when a bucket will be full again.
inline void move_on(__u64& at, uint64_t now, uint64_t cost) {
  const std::atomic_ref<__u64> word(at);
  __u64 before = word.load(std::memory_order_relaxed);
  while (
      !word.compare_exchange_weak(before, std::max<__u64>(before, now) + cost, std::memory_order_relaxed)) {
  }
}

inline void charge(tp_policer& policer, tp_direction direction, size_t bytes, uint64_t now) {
  if (const uint64_t cost = load_shared(policer.byte_cost); cost != 0)
    move_on(policer.bytes_at[direction], now, bytes * cost >> TP_COST_SHIFT);
  if (const uint64_t cost = load_shared(policer.packet_cost); cost != 0)
    move_on(policer.packets_at[direction], now, cost);
  if (load_shared(policer.quota) != 0)
    std::atomic_ref<__u64>(policer.used).fetch_add(bytes, std::memory_order_relaxed);
}

// All limits are looked at before any is charged, in the kernel's order.
inline Admission admit_by(tp_policer& allocation, tp_policer& user, Direction direction, size_t bytes,
                          MonotonicTime now) {
  const uint64_t ticks = ticks_at(now);
  const tp_direction way = policed(direction);
  if (!within_rate(allocation, way, ticks)) return Admission::kAllocationRate;
  if (!within_rate(user, way, ticks)) return Admission::kUserRate;
  if (!within_quota(allocation, bytes)) return Admission::kAllocationQuota;
  if (!within_quota(user, bytes)) return Admission::kUserQuota;
  charge(allocation, way, bytes, ticks);
  charge(user, way, bytes, ticks);
  return Admission::kAdmitted;
}

}  // namespace turnpike::fastpath
