// SPDX-License-Identifier: Apache-2.0
#include "app/trace_packets.h"

#include <algorithm>

namespace turnpike::app {
namespace {

// More than CPUs, each of which has at most one packet in hand.
constexpr size_t kMaxWaiting = 1024;

TracedFrame frame_of(const tp_event& event) {
  const size_t captured = std::min<size_t>(event.captured, sizeof(event.data));
  return {event.time, event.ifindex, event.length, {event.data, event.data + captured}};
}

}  // namespace

std::optional<TracedPacket> TracePackets::add(const tp_event& event) {
  if (event.kind == TP_EVENT_TRACE_IN) {
    waiting_[event.sequence] = frame_of(event);
    if (waiting_.size() > kMaxWaiting) {
      waiting_.erase(waiting_.begin());
      ++lost_;
    }
    return std::nullopt;
  }
  auto in = waiting_.extract(event.sequence);
  if (in.empty() || event.reason >= TP_REASON_COUNT) {
    ++lost_;
    return std::nullopt;
  }
  TracedPacket packet{std::move(in.mapped()), static_cast<tp_reason>(event.reason), std::nullopt};
  if (event.captured > 0) packet.out = frame_of(event);
  return packet;
}

}  // namespace turnpike::app
