// SPDX-License-Identifier: Apache-2.0
//
// The nouns that the core, the fast path and the CLI share.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "util/clock.h"
#include "util/endpoint.h"

namespace turnpike {

// Names an allocation for its whole life: unique on the host, random, never 0, never reused.
struct AllocationId {
  uint64_t value = 0;
  std::string to_string() const;  // sixteen lower-case hex digits
  auto operator<=>(const AllocationId&) const = default;
};

// RFC 8656 §12: 0x4000-0x4FFF; RFC 5766 clients also use 0x5000-0x7FFF.
struct ChannelNumber {
  uint16_t value = 0;
  auto operator<=>(const ChannelNumber&) const = default;
};
inline constexpr ChannelNumber kFirstChannel{0x4000};
inline constexpr ChannelNumber kLastChannel{0x7FFF};
inline constexpr ChannelNumber kLastStrictChannel{0x4FFF};

// What of the IP header a relay carries over (RFC 8656 §§13-15).
struct IpFields {
  uint8_t ttl = 64;           // TTL or hop limit
  uint8_t traffic_class = 0;  // DSCP in the upper six bits, ECN in the lower two
  bool dont_fragment = false;
  bool operator==(const IpFields&) const = default;
};

enum class Direction : uint8_t { kToPeer, kToClient };

// What was relayed: packets, and bytes of application data.
struct RelayCounters {
  uint64_t to_peer_packets = 0, to_peer_bytes = 0;
  uint64_t to_client_packets = 0, to_client_bytes = 0;
  bool operator==(const RelayCounters&) const = default;
};

// A peer's address, any port, that an allocation may talk with, and until when. Addresses as on the host's
// interfaces.
struct Permission {
  AllocationId allocation;
  FiveTuple five_tuple;
  Endpoint relayed;
  IpAddress peer;
  MonotonicTime expires;
  bool operator==(const Permission&) const = default;
};

// One authorised flow: a channel of an allocation, both ends, and until when. All addresses are those on the
// host's interfaces (with a 1:1 NAT: the private ones).
struct Binding {
  AllocationId allocation;
  FiveTuple five_tuple;
  Endpoint relayed;
  Endpoint peer;
  ChannelNumber channel;
  MonotonicTime channel_expires;
  MonotonicTime permission_expires;
  bool operator==(const Binding&) const = default;
};

}  // namespace turnpike

template <>
struct std::hash<turnpike::AllocationId> {
  size_t operator()(turnpike::AllocationId id) const noexcept { return id.value; }
};
