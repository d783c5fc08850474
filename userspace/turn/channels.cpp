// SPDX-License-Identifier: Apache-2.0
//
// ChannelBind (RFC 8656 §12.2).
#include "turn/server.h"

namespace turnpike::turn {

using stun::AttributeType;
using stun::StatusCode;

namespace {

OrRefusal<ChannelNumber> read_number(const stun::MessageView& message, bool strict) {
  const auto attribute = message.find(AttributeType::kChannelNumber);
  if (!attribute) return refuse(StatusCode::kBadRequest, "no CHANNEL-NUMBER");
  const auto value = stun::read_channel_number(attribute->value);
  if (!value) return refuse(StatusCode::kBadRequest, "malformed CHANNEL-NUMBER");
  const ChannelNumber number{*value};
  if (number < kFirstChannel || number > (strict ? kLastStrictChannel : kLastChannel))
    return refuse(StatusCode::kBadRequest, "channel number out of range");
  return number;
}

}  // namespace

Outcome Server::bind_channel(const Request& request, stun::MessageBuilder&) {
  const auto found = allocation_of(request);
  if (!found) return refuse(found);
  Allocation& allocation = **found;
  const auto number = read_number(request.message, options_.strict_channels);
  if (!number) return refuse(number);
  const auto attribute = request.message.find(AttributeType::kXorPeerAddress);
  if (!attribute) return refuse(StatusCode::kBadRequest, "no XOR-PEER-ADDRESS");
  const auto peer = read_peer(request, attribute->value, allocation);
  if (!peer) return refuse(peer);
  if (const Outcome check = check_channel(allocation, *number, *peer); !check) return check;

  const MonotonicTime expires = request.now.monotonic + options_.channel_lifetime;
  if (!allocation.bound_channel(*peer)) ++channel_count_;
  allocation.channels.insert_or_assign(*number, Channel{*peer, expires});
  allocation.channel_of_peer.insert_or_assign(*peer, *number);
  allocations_.ring_by(allocation, expires);
  if (!grant_permission(allocation, peer->address, request.now)) install(allocation, *number);
  return {};
}

// The same pair may always be bound again, also while it rests.
Outcome Server::check_channel(const Allocation& allocation, ChannelNumber number,
                              const Endpoint& peer) const {
  const auto by_number = allocation.channels.find(number);
  if (by_number != allocation.channels.end() && by_number->second.peer != peer)
    return refuse(StatusCode::kBadRequest, "the channel number belongs to another peer");
  const auto by_peer = allocation.channel_of_peer.find(peer);
  if (by_peer != allocation.channel_of_peer.end() && by_peer->second != number)
    return refuse(StatusCode::kBadRequest, "the peer has another channel number");
  const PeerVerdict verdict = environment_.peers.judge(peer);
  if (!verdict.allowed) return refuse(StatusCode::kForbidden, verdict.reason);
  const bool new_channel = by_number == allocation.channels.end();
  if (new_channel && allocation.channels.size() >= options_.max_channels)
    return refuse(StatusCode::kInsufficientCapacity, "too many channels");
  const bool new_permission = !allocation.permissions.contains(peer.address);
  if (new_permission && allocation.permissions.size() >= options_.max_permissions)
    return refuse(StatusCode::kInsufficientCapacity, "too many permissions");
  return {};
}

}  // namespace turnpike::turn
