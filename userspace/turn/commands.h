// SPDX-License-Identifier: Apache-2.0
//
// What turn::Server wants done. The caller drains the queue after each event and carries the commands out in
// order; so a binding is in the kernel before the answer that tells the client of it leaves.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "stun/constants.h"
#include "util/bytes.h"
#include "util/relay_types.h"

namespace turnpike::turn {

// A range of CommandQueue's bytes.
struct Slice {
  size_t offset = 0;
  size_t size = 0;
};

struct SendToClient {
  FiveTuple five_tuple;
  IpFields ip;
  Slice data;
  bool relayed = false;  // application data, not a control answer: counted, and dropped first under pressure
};
struct SendToPeer {
  Endpoint relayed;
  Endpoint peer;
  IpFields ip;
  Slice data;
};
// The relay port is this worker's from now on: steer it here, also when another worker had it.
struct OwnPort {
  Endpoint relayed;
};
// Nobody's any more: end the steering, then release() it in RelayPorts. In this order, because once it is
// released another worker may own it and steer it to itself.
struct ReleasePort {
  Endpoint relayed;
};
// Allocation `id` may be relayed until `expires`; sent again when a Refresh moves that.
struct SetAllocation {
  AllocationId id;
  MonotonicTime expires;
};
// Also ends what is left of its bindings.
struct RemoveAllocation {
  AllocationId id;
};
// New, or new expiries of a binding that is there (named by allocation and channel).
struct InstallBinding {
  Binding binding;
};
struct RemoveBinding {
  AllocationId allocation;
  ChannelNumber channel;
};
// For the log and the statistics. Never one per relayed packet.
struct Event {
  enum class Kind : uint8_t { kAllocated, kExpired, kDeleted, kRefused };
  Kind kind;
  FiveTuple five_tuple;
  AllocationId allocation;  // 0 where there is none
  std::string username;     // empty where unknown
  stun::StatusCode code{};  // kRefused
  const char* reason = "";  // kRefused: static text, one per cause
};

using Command = std::variant<SendToClient, SendToPeer, OwnPort, ReleasePort, SetAllocation, RemoveAllocation,
                             InstallBinding, RemoveBinding, Event>;

class CommandQueue {
 public:
  const std::vector<Command>& commands() const { return commands_; }
  Bytes bytes(Slice slice) const { return Bytes(bytes_).subspan(slice.offset, slice.size); }
  bool empty() const { return commands_.empty(); }
  void clear() {  // keeps the memory
    commands_.clear();
    bytes_.clear();
  }

  template <class One>  // of Command's alternatives
  void push(One command) {
    commands_.emplace_back(std::in_place_type<One>, std::move(command));
  }
  Slice append(Bytes data) {
    const Slice slice{bytes_.size(), data.size()};
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    return slice;
  }
  // Joins `more` to the slice appended last.
  void extend(Slice& last, Bytes more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    last.size += more.size();
  }

 private:
  std::vector<Command> commands_;
  std::vector<uint8_t> bytes_;
};

}  // namespace turnpike::turn
