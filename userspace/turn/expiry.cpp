// SPDX-License-Identifier: Apache-2.0
//
// What ends, and how. At a time >= its expiry a thing is over; every event ends what is over before it looks
// at anything, so no look-up elsewhere compares times. Fast-path entries go first, then the state.
//   allocation    its lifetime (RFC 8656 §8), or Refresh with 0
//   permission    300 s (§9); the kernel knows its expiry from the binding
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
  permission_count_ -= std::erase_if(
      allocation.permissions, [&](const auto& permission) { return permission.second <= now.monotonic; });
  for (auto entry = allocation.channels.begin(); entry != allocation.channels.end();) {
    auto& [number, channel] = *entry;
    if (channel.expires <= now.monotonic && !channel.resting) rest(allocation, number, channel);
    if (channel.expires <= now.monotonic) {
      allocation.channel_of_peer.erase(channel.peer);
      entry = allocation.channels.erase(entry);
    } else {
      ++entry;
    }
  }
  allocations_.reset_alarm(allocation);
}

void Server::rest(const Allocation& allocation, ChannelNumber number, Channel& channel) {
  commands_.push(RemoveBinding{allocation.id, number});
  channel.resting = true;
  channel.expires += options_.channel_rest;
  --channel_count_;
}

void Server::end_allocation(Allocation& allocation, Event::Kind kind) {
  commands_.push(RemoveAllocation{allocation.id});
  give_back(allocation.relayed, allocation.username);
  commands_.push(Event{kind, allocation.five_tuple, allocation.id, allocation.username});
  permission_count_ -= allocation.permissions.size();
  channel_count_ -=
      static_cast<size_t>(std::count_if(allocation.channels.begin(), allocation.channels.end(),
                                        [](const auto& channel) { return !channel.second.resting; }));
  allocations_.remove(allocation);
}

void Server::give_back(const Endpoint& relayed, std::string_view username) {
  commands_.push(ReleasePort{relayed});
  environment_.quota.release(username);
}

}  // namespace turnpike::turn
