// SPDX-License-Identifier: Apache-2.0
//
// ICMP errors about what was relayed (RFC 8656 §11.5, §11.6). They may be forged: whoever knows the addresses
// can send them. So they tell only what a permission lets through, and at a low rate.
#include <algorithm>

#include "turn/server.h"
#include "util/cell_rate.h"

namespace turnpike::turn {

using stun::AttributeType;

namespace {

constexpr CellRate kIcmpRate{10, 10};  // of an allocation: what a path has to say, but no amplifier

constexpr size_t kUdpHeaderSize = 8;

size_t ip_header_size(const IpAddress& address) {
  return address.is_v4() ? 20 : 40;
}

// The smallest MTU of a link (RFC 791 §3.2, RFC 8200 §5).
size_t smallest_mtu(const IpAddress& address) {
  return address.is_v4() ? 68 : 1280;
}

// RFC 8656 §11.5.
bool is_told_on(const IcmpError& error) {
  if (error.source.address.is_v4()) return error.type == 3 || error.type == 11;
  return error.type >= 1 && error.type <= 3;
}

// A peer's datagram inside what the client was sent.
struct Carried {
  Endpoint peer;
  size_t size = 0;       // of the whole datagram
  size_t framing = 0;    // bytes before it
  size_t alignment = 1;  // it was padded to this
};

std::optional<Carried> read_channel_data(Bytes payload, const Allocation& allocation) {
  Reader reader(payload);
  const auto channel = allocation.channels.find(ChannelNumber{reader.u16()});
  const size_t size = reader.u16();
  if (!reader.ok() || channel == allocation.channels.end()) return std::nullopt;
  return Carried{channel->second.peer, size, reader.position(), 1};
}

// MessageView reads whole messages only. XOR-PEER-ADDRESS comes before DATA: both paths write it so.
std::optional<Carried> read_data_indication(Bytes payload, const AddressTranslation& translation) {
  if (!stun::looks_like_stun(payload)) return std::nullopt;
  Reader reader(payload);
  reader.skip(stun::kHeaderSize - stun::kTransactionIdSize);
  stun::TransactionId id{};
  std::ranges::copy(reader.take(id.size()), id.begin());
  const auto address_type = static_cast<AttributeType>(reader.u16());
  const auto peer = stun::read_xor_address(reader.take(reader.u16()), id);
  const auto data_type = static_cast<AttributeType>(reader.u16());
  const size_t size = reader.u16();
  if (!reader.ok() || address_type != AttributeType::kXorPeerAddress || !peer ||
      data_type != AttributeType::kData)
    return std::nullopt;
  return Carried{translation.to_local(*peer), size, reader.position(), 4};
}

// The largest IP packet from the peer that would fit, in what the client is sent, a packet of `mtu` bytes.
size_t mtu_before_framing(size_t mtu, const IpAddress& client, const Carried& carried) {
  const IpAddress& peer = carried.peer.address;
  const size_t around = ip_header_size(client) + kUdpHeaderSize + carried.framing;
  const size_t room = mtu > around ? mtu - around : 0;
  const size_t fits = room - room % carried.alignment;
  return std::max(ip_header_size(peer) + kUdpHeaderSize + fits, smallest_mtu(peer));
}

}  // namespace

void Server::handle_icmp(const IcmpError& error, const Now& now) {
  handle_timeout(now);
  if (!is_told_on(error)) return;
  if (Allocation* allocation = allocations_.find_relayed(error.source))
    return tell_client(*allocation, error, now);
  if (!is_too_big(error)) return;
  if (Allocation* allocation = allocations_.find({error.destination, error.source, Transport::kUdp}))
    tell_peer(*allocation, error, now);
}

// The permission is that of whom the packet was for, not of the router that complains (RFC 8656 §11.5).
void Server::tell_client(Allocation& allocation, const IcmpError& error, const Now& now) {
  if (!allocation.permissions.contains(error.destination.address)) return;
  if (!kIcmpRate.admit(allocation.icmp_at, now.monotonic)) return;
  // RFC 8656 §18.13: reserved, seven bits of type, nine of code, error data.
  std::array<uint8_t, 8> value;
  Writer writer(value);
  writer.u16(0);
  writer.u16(static_cast<uint16_t>(error.type << 9 | error.code));
  writer.u32(is_too_big(error) ? error.data : 0);
  stun::MessageBuilder message = open_data_indication(error.destination);
  message.add(AttributeType::kIcmp, value);
  commands_.push(SendToClient{allocation.five_tuple, IpFields{}, commands_.append(message.finish()), false});
}

void Server::tell_peer(Allocation& allocation, const IcmpError& error, const Now& now) {
  if (error.data == 0) return;  // a router that knows no RFC 1191: nothing to tell
  auto carried = read_channel_data(error.payload, allocation);
  if (!carried) carried = read_data_indication(error.payload, translation_);
  if (!carried || !allocation.permissions.contains(carried->peer.address)) return;
  const Endpoint& peer = carried->peer;
  const size_t mtu = mtu_before_framing(error.data, error.destination.address, *carried);
  if (ip_header_size(peer.address) + kUdpHeaderSize + carried->size <= mtu) return;  // it would have fitted
  if (!kIcmpRate.admit(allocation.icmp_at, now.monotonic)) return;
  // The datagram's UDP header, but for the checksum, which nobody keeps: who gets it looks at the ports.
  std::array<uint8_t, kUdpHeaderSize> header;
  Writer writer(header);
  writer.u16(peer.port);
  writer.u16(allocation.relayed.port);
  writer.u16(static_cast<uint16_t>(kUdpHeaderSize + carried->size));
  writer.u16(0);
  Slice quoted = commands_.append(header);
  const Bytes data = error.payload.subspan(carried->framing);
  commands_.extend(quoted, data.first(std::min(data.size(), carried->size)));
  commands_.push(SendTooBig{allocation.relayed, peer, static_cast<uint32_t>(mtu), quoted});
}

}  // namespace turnpike::turn
