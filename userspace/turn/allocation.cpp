// SPDX-License-Identifier: Apache-2.0
#include "turn/allocation.h"

#include <algorithm>

namespace turnpike::turn {

std::optional<ChannelNumber> Allocation::bound_channel(const Endpoint& peer) const {
  const auto found = channel_of_peer.find(peer);
  if (found == channel_of_peer.end() || channels.at(found->second).resting) return std::nullopt;
  return found->second;
}

MonotonicTime Allocation::earliest_expiry() const {
  MonotonicTime earliest = expires;
  for (const auto& [peer, permission_expires] : permissions)
    earliest = std::min(earliest, permission_expires);
  for (const auto& [number, channel] : channels)
    earliest = std::min(earliest, channel.expires);
  return earliest;
}

}  // namespace turnpike::turn
