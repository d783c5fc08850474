// SPDX-License-Identifier: Apache-2.0
//
// What ends, and how. At a time >= its expiry a thing is over; every event ends what is over before it looks
// at anything, so no look-up elsewhere compares times. Fast-path entries go first, then the state.
//   allocation    its lifetime (RFC 8656 §8), or Refresh with 0
//   permission    300 s (§9); its channels stay bound, but carry nothing until it is granted again
//   channel       600 s (§12), then it rests 300 s
//   reservation   30 s (§7.2)
#include <algorithm>

#include "turn/server.h"

namespace turnpike::turn {

void Server::handle_timeout(const Now& now) {
  while (!reserved_.empty() && reserved_.front().expires <= now.monotonic) {
    if (const auto unused = environment_.reservations.end(reserved_.front().token))
      give_back(unused->relayed, unused->username);
    reserved_.pop_front();
  }
  while (Allocation* allocation = allocations_.ringing(now.monotonic))
    expire(*allocation, now);
}

std::optional<MonotonicTime> Server::next_timeout() const {
  const auto alarm = allocations_.next_alarm();
  if (reserved_.empty()) return alarm;
  return std::min(alarm.value_or(MonotonicTime::max()), reserved_.front().expires);
}

void Server::expire(Allocation& allocation, const Now& now) {
  if (allocation.expires <= now.monotonic) return end_allocation(allocation, Event::Kind::kExpired);
  for (auto entry = allocation.channels.begin(); entry != allocation.channels.end();) {
    rest_if_due(allocation, *entry, now);
    entry = entry->second.expires <= now.monotonic ? end_channel(allocation, entry) : std::next(entry);
  }
  for (auto entry = allocation.permissions.begin(); entry != allocation.permissions.end();)
    entry = entry->second <= now.monotonic ? end_permission(allocation, entry) : std::next(entry);
  allocations_.reset_alarm(allocation);
}

// The rest counts from the channel's end, however late the timer; when that is over too, nobody is told of
// it.
void Server::rest_if_due(const Allocation& allocation, Channels::value_type& entry, const Now& now) {
  auto& [number, channel] = entry;
  if (channel.resting || channel.expires > now.monotonic) return;
  channel.resting = true;
  channel.expires += options_.channel_rest;
  --channel_count_;
  if (channel.expires > now.monotonic)
    commands_.push(RestChannel{allocation.id, {number, channel.peer, channel.expires, true}});
}

Server::Channels::iterator Server::end_channel(Allocation& allocation, Channels::iterator channel) {
  commands_.push(RemoveChannel{allocation.id, channel->first});
  if (!channel->second.resting) --channel_count_;
  allocation.channel_of_peer.erase(channel->second.peer);
  return allocation.channels.erase(channel);
}

Server::Permissions::iterator Server::end_permission(Allocation& allocation,
                                                     Permissions::iterator permission) {
  commands_.push(RemovePermission{allocation.id, permission->first});
  --permission_count_;
  return allocation.permissions.erase(permission);
}

// The other way round than things were added: wherever the process dies in between, what is left in the
// records hangs on something that is there.
void Server::withdraw(Allocation& allocation) {
  for (auto channel = allocation.channels.begin(); channel != allocation.channels.end();)
    channel = end_channel(allocation, channel);
  for (auto permission = allocation.permissions.begin(); permission != allocation.permissions.end();)
    permission = end_permission(allocation, permission);
  commands_.push(RemoveAllocation{allocation.id});
}

void Server::end_allocation(Allocation& allocation, Event::Kind kind) {
  withdraw(allocation);
  give_back(allocation.relayed, allocation.username);
  commands_.push(Event{kind, allocation.five_tuple, allocation.id, allocation.username});
  allocations_.remove(allocation);
}

void Server::give_back(const Endpoint& relayed, std::string_view username) {
  commands_.push(ReleasePort{relayed});
  environment_.quota.release(username);
}

}  // namespace turnpike::turn
