// SPDX-License-Identifier: Apache-2.0
//
// Allocation: one client's relayed address and what may pass through it (RFC 8656 §2). Plain state; the
// server changes it. Addresses are those on the interfaces.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "stun/message.h"
#include "turn/statistics.h"
#include "util/session_record.h"

namespace turnpike::turn {

using ReservationToken = std::array<uint8_t, 8>;

// A channel number and a peer that belong together (RFC 8656 §12). When its time is over it rests: it
// carries nothing, but neither number nor peer may be bound otherwise until `expires`.
struct Channel {
  Endpoint peer;
  MonotonicTime expires;
  bool resting = false;
};

struct Allocation : SessionRecord {
  std::map<IpAddress, MonotonicTime> permissions;
  std::map<ChannelNumber, Channel> channels;
  std::map<Endpoint, ChannelNumber> channel_of_peer;  // resting ones too
  Counters counters;

  Counters saved;               // what the last SaveCounters told
  MonotonicTime limited_again;  // when the next Event of kLimited may come
  MonotonicTime icmp_at;        // CellRate's word of what ICMP errors cause

  // The bound channel to `peer`; nullopt when there is none.
  std::optional<ChannelNumber> bound_channel(const Endpoint& peer) const;
  // The earliest time at which anything of it ends.
  MonotonicTime earliest_expiry() const;
};

}  // namespace turnpike::turn
