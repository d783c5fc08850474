// SPDX-License-Identifier: Apache-2.0
#include "turn/server.h"

namespace turnpike::turn {

std::vector<SessionSnapshot> Server::sessions(const Now& now) const {
  std::vector<SessionSnapshot> snapshots;
  snapshots.reserve(allocations_.size());
  allocations_.for_each([&](const Allocation& allocation) {
    if (allocation.expires <= now.monotonic) return;
    SessionSnapshot snapshot{allocation.id,
                             allocation.five_tuple,
                             translation_.to_external(allocation.relayed),
                             allocation.username,
                             allocation.created,
                             allocation.expires,
                             allocation.counters,
                             {},
                             {}};
    for (const auto& [peer, expires] : allocation.permissions)
      if (expires > now.monotonic) snapshot.permissions.push_back({translation_.to_external(peer), expires});
    for (const auto& [number, channel] : allocation.channels)
      if (!channel.resting && channel.expires > now.monotonic)
        snapshot.channels.push_back({number, translation_.to_external(channel.peer), channel.expires});
    snapshots.push_back(std::move(snapshot));
  });
  return snapshots;
}

bool Server::has(AllocationId id, const FiveTuple& five_tuple, const Now& now) const {
  const Allocation* allocation = allocations_.find(five_tuple);
  return allocation != nullptr && allocation->id == id && allocation->expires > now.monotonic;
}

}  // namespace turnpike::turn
