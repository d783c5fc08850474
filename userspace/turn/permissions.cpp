// SPDX-License-Identifier: Apache-2.0
//
// CreatePermission (RFC 8656 §10.2).
#include <algorithm>

#include "turn/server.h"

namespace turnpike::turn {

using stun::AttributeType;
using stun::StatusCode;

Outcome Server::create_permission(const Request& request, stun::MessageBuilder&) {
  const auto found = allocation_of(request);
  if (!found) return refuse(found);
  Allocation& allocation = **found;

  std::vector<IpAddress> peers;  // each once
  for (const stun::Attribute& attribute : request.message.attributes()) {
    if (attribute.type != AttributeType::kXorPeerAddress) continue;
    const auto peer = read_peer(request, attribute.value, allocation);
    if (!peer) return refuse(peer);
    const PeerVerdict verdict = environment_.peers.judge(peer->address);
    if (!verdict.allowed) return refuse(StatusCode::kForbidden, verdict.reason);
    if (std::find(peers.begin(), peers.end(), peer->address) == peers.end()) peers.push_back(peer->address);
  }
  if (peers.empty()) return refuse(StatusCode::kBadRequest, "no XOR-PEER-ADDRESS");

  const auto added =
      static_cast<size_t>(std::count_if(peers.begin(), peers.end(), [&](const IpAddress& peer) {
        return !allocation.permissions.contains(peer);
      }));
  if (allocation.permissions.size() + added > options_.max_permissions)
    return refuse(StatusCode::kInsufficientCapacity, "too many permissions");
  for (const IpAddress& peer : peers)
    grant_permission(allocation, peer, request.now);
  return {};
}

// New, or its time starts again; the channels to that address move with it. Rounded up to whole seconds: so
// a permission never ends early, the kernel's copies are always ours, and however often it is refreshed,
// it and its channels are told on once a second at most.
bool Server::grant_permission(Allocation& allocation, const IpAddress& peer, const Now& now) {
  const MonotonicTime expires = std::chrono::ceil<Seconds>(now.monotonic + options_.permission_lifetime);
  const auto [permission, added] = allocation.permissions.try_emplace(peer, expires);
  if (added)
    ++permission_count_;
  else if (permission->second == expires)
    return false;
  permission->second = expires;
  allocations_.ring_by(allocation, expires);
  announce(allocation, peer);
  auto entry = allocation.channel_of_peer.lower_bound(Endpoint{peer, 0});
  for (; entry != allocation.channel_of_peer.end() && entry->first.address == peer; ++entry)
    if (!allocation.channels.at(entry->second).resting) install(allocation, entry->second);
  return true;
}

void Server::announce(const Allocation& allocation, const IpAddress& peer) {
  commands_.push(SetPermission{
      {allocation.id, allocation.five_tuple, allocation.relayed, peer, allocation.permissions.at(peer)}});
}

// The channel is bound and its peer has a permission.
void Server::install(const Allocation& allocation, ChannelNumber number) {
  const Channel& channel = allocation.channels.at(number);
  commands_.push(InstallBinding{{allocation.id, allocation.five_tuple, allocation.relayed, channel.peer,
                                 number, channel.expires, allocation.permissions.at(channel.peer.address)}});
}

}  // namespace turnpike::turn
