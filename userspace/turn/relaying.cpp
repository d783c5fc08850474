// SPDX-License-Identifier: Apache-2.0
//
// Application data, both ways (RFC 8656 §§11, 12.5-12.7). A packet never refreshes anything.
#include "stun/channel_data.h"
#include "turn/server.h"

namespace turnpike::turn {

using stun::AttributeType;

namespace {

// The header fields of what goes out (RFC 8656 §13.1); nullopt when the packet has travelled far enough.
std::optional<IpFields> one_hop_further(IpFields ip) {
  if (ip.ttl <= 1) return std::nullopt;
  --ip.ttl;
  return ip;
}

void increment(stun::TransactionId& id) {
  for (auto byte = id.rbegin(); byte != id.rend(); ++byte)
    if (++*byte != 0) return;
}

}  // namespace

void Server::relay_channel_data(Bytes datagram, const FiveTuple& five_tuple, const IpFields& ip,
                                const Now& now) {
  const auto message = stun::parse_channel_data(datagram);
  if (!message) return drop(DropReason::kMalformedChannelData);
  Allocation* allocation = allocations_.find(five_tuple);
  if (allocation == nullptr) return drop(DropReason::kNoAllocation);
  const auto channel = allocation->channels.find(message->channel);
  if (channel == allocation->channels.end() || channel->second.resting)
    return drop(DropReason::kChannelUnbound);
  relay_to_peer(*allocation, channel->second.peer, message->data, ip, now);
}

void Server::relay_send(const stun::MessageView& message, const FiveTuple& five_tuple, const IpFields& ip,
                        const Now& now) {
  Allocation* allocation = allocations_.find(five_tuple);
  if (allocation == nullptr) return drop(DropReason::kNoAllocation);
  const auto address = message.find(AttributeType::kXorPeerAddress);
  const auto data = message.find(AttributeType::kData);
  if (!address || !data) return drop(DropReason::kMalformedStun);
  const auto named = stun::read_xor_address(address->value, message.transaction_id());
  if (!named) return drop(DropReason::kMalformedStun);
  const Endpoint peer = translation_.to_local(*named);
  if (peer.address.family() != allocation->relayed.address.family()) return drop(DropReason::kPeerFamily);
  if (!environment_.peers.judge(peer).allowed) return drop(DropReason::kPeerForbidden);
  IpFields fields = ip;
  if (message.has(AttributeType::kDontFragment)) fields.dont_fragment = true;
  relay_to_peer(*allocation, peer, data->value, fields, now);
}

void Server::relay_to_peer(Allocation& allocation, const Endpoint& peer, Bytes data, IpFields ip,
                           const Now& now) {
  if (!allocation.permissions.contains(peer.address)) return drop(DropReason::kNoPermission);
  // On our own address only relayed ports are peers: the others are the host's services.
  const RelayPorts& ports = environment_.ports;
  if (ports.is_relay_address(peer.address) && !ports.owned(peer)) return drop(DropReason::kPeerForbidden);
  const auto fields = one_hop_further(ip);
  if (!fields) return drop(DropReason::kTtlExceeded);
  if (!within_limits(allocation, Direction::kToPeer, data.size(), now)) return drop(DropReason::kOverLimit);
  for (Counters* counters : {&counters_, &allocation.counters}) {
    ++counters->to_peer_packets;
    counters->to_peer_bytes += data.size();
  }
  commands_.push(SendToPeer{allocation.relayed, peer, *fields, commands_.append(data)});
}

void Server::handle_peer(Bytes datagram, const Endpoint& peer, const Endpoint& relayed, const IpFields& ip,
                         const Now& now) {
  if (blocked(peer.address, now)) return drop(DropReason::kBlocked);
  handle_timeout(now);
  Allocation* allocation = allocations_.find_relayed(relayed);
  if (allocation == nullptr) return drop(DropReason::kNotListening);
  if (!allocation->permissions.contains(peer.address)) return drop(DropReason::kNoPermission);
  const auto fields = one_hop_further(ip);
  if (!fields) return drop(DropReason::kTtlExceeded);
  if (!within_limits(*allocation, Direction::kToClient, datagram.size(), now))
    return drop(DropReason::kOverLimit);
  const auto channel = allocation->bound_channel(peer);
  const auto data = channel ? channel_data(*channel, datagram) : data_indication(peer, datagram);
  if (!data) return drop(DropReason::kTooLarge);
  for (Counters* counters : {&counters_, &allocation->counters}) {
    ++counters->to_client_packets;
    counters->to_client_bytes += datagram.size();
  }
  commands_.push(SendToClient{allocation->five_tuple, *fields, *data, true});
}

bool Server::charge(Allocation& allocation, Direction direction, size_t bytes, const Now& now) {
  const char* refused = environment_.limits->admit(allocation.id, direction, bytes, now.monotonic);
  if (*refused == '\0') return true;
  if (now.monotonic >= allocation.limited_again) {
    allocation.limited_again = now.monotonic + Seconds(1);
    commands_.push(
        Event{Event::Kind::kLimited, allocation.five_tuple, allocation.id, allocation.username, {}, refused});
  }
  return false;
}

std::optional<Slice> Server::channel_data(ChannelNumber channel, Bytes data) {
  if (data.size() + stun::kChannelDataHeaderSize > scratch_.size()) return std::nullopt;
  Writer header(scratch_);
  header.u16(channel.value);
  header.u16(static_cast<uint16_t>(data.size()));
  Slice slice = commands_.append(header.written());
  commands_.extend(slice, data);
  return slice;
}

std::optional<Slice> Server::data_indication(const Endpoint& peer, Bytes data) {
  stun::MessageBuilder message = open_data_indication(peer);
  message.add(AttributeType::kData, data);
  const Bytes built = message.finish();
  if (built.empty()) return std::nullopt;
  return commands_.append(built);
}

// The transaction id of an indication answers nothing (RFC 8489 §5): a random start that counts on saves a
// system call per packet.
stun::MessageBuilder Server::open_data_indication(const Endpoint& peer) {
  increment(indication_id_);
  stun::MessageBuilder message(scratch_, stun::Method::kData, stun::Class::kIndication, indication_id_);
  message.add_xor_address(AttributeType::kXorPeerAddress, translation_.to_external(peer));
  return message;
}

}  // namespace turnpike::turn
