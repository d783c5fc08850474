// SPDX-License-Identifier: Apache-2.0
//
// What a turn::Server tells of itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "util/clock.h"
#include "util/relay_types.h"

namespace turnpike::turn {

// Counted since the first process of this boot. A packet that is relayed counts on one side only.
using Counters = RelayCounters;

// Why the slow path dropped a datagram without an answer.
enum class DropReason : uint8_t {
  kMalformedStun,
  kMalformedChannelData,
  kUnknownMethod,
  kNoAllocation,
  kNoPermission,
  kChannelUnbound,
  kPeerForbidden,     // to a peer that policy refuses, or to a relay port that no allocation has
  kPeerFamily,        // Send to a peer of another family than the relayed address
  kTtlExceeded,       // TTL or hop limit would reach 0
  kUnknownAttribute,  // an indication with a comprehension-required attribute we do not know
  kNotListening,      // a peer packet to a relay port that nobody has
  kTooLarge,          // with its STUN header the payload no longer fits a UDP datagram
  kAmplifying,        // a request without credentials whose shortest answer would be too long beside it
  kBlocked,           // from a blocked source
  kSourceBudget,      // more requests without an allocation than a source may send
  kOverLimit,         // over a rate or quota of the allocation or its user
  kCount,
};
const char* to_string(DropReason reason);  // snake_case: "malformed_stun", …

// A copy of one allocation for the CLI.
struct SessionSnapshot {
  struct Permission {
    IpAddress peer;
    MonotonicTime expires;
    bool operator==(const Permission&) const = default;
  };
  struct Channel {
    ChannelNumber number;
    Endpoint peer;
    MonotonicTime expires;
    bool operator==(const Channel&) const = default;
  };
  AllocationId id;
  FiveTuple five_tuple;
  Endpoint relayed;  // as told to the client, as are the peers
  std::string username;
  MonotonicTime created;
  MonotonicTime expires;
  Counters counters;  // slow path
  std::vector<Permission> permissions;
  std::vector<Channel> channels;
  bool operator==(const SessionSnapshot&) const = default;
};

}  // namespace turnpike::turn
