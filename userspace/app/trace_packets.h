// SPDX-License-Identifier: Apache-2.0
//
// TracePackets: makes whole packets of the program's trace events: what came, and what became of it. The two
// events of a packet need not follow each other, since every CPU writes its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "bpf/abi.h"

namespace turnpike::app {

struct TracedFrame {
  uint64_t time = 0;  // CLOCK_MONOTONIC, ns
  uint32_t ifindex = 0;
  uint32_t length = 0;         // as on the wire
  std::vector<uint8_t> bytes;  // from the Ethernet header on; fewer than `length` of a long one
};

struct TracedPacket {
  TracedFrame in;
  tp_reason reason = TP_REASON_COUNT;
  std::optional<TracedFrame> out;  // when it left
};

class TracePackets {
 public:
  // The packet that `event` completes.
  std::optional<TracedPacket> add(const tp_event& event);
  // Packets of which one event was lost, or has not come yet.
  uint64_t incomplete() const { return lost_ + waiting_.size(); }

 private:
  std::map<uint64_t, TracedFrame> waiting_;  // by sequence, for what became of them
  uint64_t lost_ = 0;
};

}  // namespace turnpike::app
