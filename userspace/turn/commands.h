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
#include "util/session_record.h"

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
// What follows is kept in the durable records and told to the fast path, in this order when something is
// added, the other way round when it is taken away; each may be sent again and then changes nothing.
// New, or a new expiry.
struct SetAllocation {
  SessionRecord session;
};
// Its permissions and channels went before.
struct RemoveAllocation {
  AllocationId id;
};
// New, or a new expiry.
struct SetPermission {
  Permission permission;
};
struct RemovePermission {
  AllocationId allocation;
  IpAddress peer;
};
// New, or new expiries of a binding that is there (named by allocation and channel).
struct InstallBinding {
  Binding binding;
};
// The channel is bound no longer; number and peer rest until then (RFC 8656 §12).
struct RestChannel {
  AllocationId allocation;
  ChannelRecord channel;
};
// Bound or resting: it is over.
struct RemoveChannel {
  AllocationId allocation;
  ChannelNumber channel;
};
// For the durable records alone: what the slow path has relayed so far, of an allocation (id 0: of the
// server).
struct SaveCounters {
  AllocationId id;
  RelayCounters slow;
};
// Tell `destination` that what it sent to `source`, an address of ours, was too big: ICMP type 3 code 4, or
// ICMPv6 type 2 (RFC 1191, RFC 8201). `quoted`: the UDP header and what follows of the packet, as it was
// sent.
struct SendTooBig {
  Endpoint source;
  Endpoint destination;
  uint32_t mtu;  // bytes of IP packet that would fit
  Slice quoted;
};
// For the log and the statistics. Never one per relayed packet.
struct Event {
  enum class Kind : uint8_t { kAllocated, kExpired, kDeleted, kRefused, kLimited };
  Kind kind;
  FiveTuple five_tuple;
  AllocationId allocation;  // 0 where there is none
  std::string username;     // empty where unknown
  stun::StatusCode code{};  // kRefused
  const char* reason = "";  // kRefused, kLimited: static text, one per cause
};

using Command = std::variant<SendToClient, SendToPeer, OwnPort, ReleasePort, SetAllocation, RemoveAllocation,
                             SetPermission, RemovePermission, InstallBinding, RestChannel, RemoveChannel,
                             SaveCounters, SendTooBig, Event>;

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
