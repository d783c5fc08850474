// SPDX-License-Identifier: Apache-2.0
//
// What outlives the process: sessions that come back, and counters that go on. Reservations (EVEN-PORT's R
// bit) do not: they last 30 s, and a client whose token is unknown asks without one (RFC 8656 §7.2). The
// token stays in the record of the allocation that it was told with, for its retransmissions.
#include "turn/server.h"

namespace turnpike::turn {

Result<void> Server::restore(const SavedSession& saved, const Now& now) {
  handle_timeout(now);
  const SessionRecord& session = saved.session;
  const Allocation* other = allocations_.find(session.five_tuple);
  if (other != nullptr && other->id == session.id)
    return fail(ErrorCode::kInUse,
                "session " + session.id.to_string() + " is there already; restore each once");
  Allocation allocation = revive(saved);
  const bool port_taken = environment_.ports.owned(session.relayed);
  if (other != nullptr || !environment_.ports.claim(session.relayed)) {
    withdraw(allocation);
    commands_.push(Event{Event::Kind::kDeleted, session.five_tuple, session.id, session.username});
    if (other == nullptr && !port_taken) return {};
    return fail(ErrorCode::kInUse, "session " + session.id.to_string() + ": another has its " +
                                       (other != nullptr ? "5-tuple" : "relayed address") +
                                       "; its client has to allocate anew");
  }
  environment_.quota.adopt(session.username);
  commands_.push(OwnPort{session.relayed});
  Allocation& added = allocations_.add(std::move(allocation));
  if (session.expires <= now.monotonic) {
    end_allocation(added, Event::Kind::kExpired);
    return {};
  }
  withdraw_forbidden(added);
  expire(added, now);
  announce(added);
  return {};
}

Allocation Server::revive(const SavedSession& saved) {
  Allocation allocation;
  static_cast<SessionRecord&>(allocation) = saved.session;
  for (const PermissionRecord& permission : saved.permissions)
    allocation.permissions.emplace(permission.peer, permission.expires);
  for (const ChannelRecord& channel : saved.channels) {
    allocation.channels.emplace(channel.number, Channel{channel.peer, channel.expires, channel.resting});
    allocation.channel_of_peer.emplace(channel.peer, channel.number);
    if (!channel.resting) ++channel_count_;
  }
  permission_count_ += allocation.permissions.size();
  allocation.counters = allocation.saved = saved.slow;
  return allocation;
}

// The configuration or the host's addresses may be others than when these were granted.
void Server::withdraw_forbidden(Allocation& allocation) {
  const PeerPolicy& peers = environment_.peers;
  for (auto entry = allocation.channels.begin(); entry != allocation.channels.end();)
    entry = peers.judge(entry->second.peer).allowed ? std::next(entry) : end_channel(allocation, entry);
  for (auto entry = allocation.permissions.begin(); entry != allocation.permissions.end();)
    entry = peers.judge(entry->first).allowed ? std::next(entry) : end_permission(allocation, entry);
}

void Server::announce(const Allocation& allocation) {
  commands_.push(SetAllocation{allocation});
  // Channels first: their peers' data never goes by the permission alone, in indications. The order in which
  // records are added is kept: all are there.
  for (const auto& [number, channel] : allocation.channels)
    if (!channel.resting && allocation.permissions.contains(channel.peer.address))
      install(allocation, number);
  for (const auto& [peer, expires] : allocation.permissions)
    announce(allocation, peer);
}

// The server's own the first time in any case: what its predecessor of that number had saved is in other
// hands now (restore_totals).
void Server::save_counters() {
  allocations_.for_each([this](Allocation& allocation) {
    if (allocation.counters == allocation.saved) return;
    allocation.saved = allocation.counters;
    commands_.push(SaveCounters{allocation.id, allocation.counters});
  });
  if (saved_ == counters_) return;
  saved_ = counters_;
  commands_.push(SaveCounters{AllocationId{}, counters_});
}

void Server::restore_totals(const RelayCounters& totals) {
  counters_.to_peer_packets += totals.to_peer_packets;
  counters_.to_peer_bytes += totals.to_peer_bytes;
  counters_.to_client_packets += totals.to_client_packets;
  counters_.to_client_bytes += totals.to_client_bytes;
}

}  // namespace turnpike::turn
