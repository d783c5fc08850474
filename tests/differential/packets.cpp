// SPDX-License-Identifier: Apache-2.0
#include "differential/packets.h"

#include <algorithm>

namespace turnpike::differential {

using bpf_test::put;
using bpf_test::put_u16;

namespace {

constexpr uint32_t kCookie = 0x2112A442;

void put_u32(Octets& out, uint32_t value) {
  put_u16(out, static_cast<uint16_t>(value >> 16));
  put_u16(out, static_cast<uint16_t>(value));
}

void put_attribute(Octets& out, uint16_t type, const Octets& value) {
  put_u16(out, type);
  put_u16(out, static_cast<uint16_t>(value.size()));
  put(out, value);
  while (out.size() % 4 != 0)
    out.push_back(0);
}

// RFC 8489 §14.2; `id` is the transaction's.
Octets xor_address(const Endpoint& endpoint, const Octets& id) {
  Octets mask{0x21, 0x12, 0xA4, 0x42};
  put(mask, id);
  Octets value{0, static_cast<uint8_t>(endpoint.address.is_v4() ? 1 : 2)};
  put_u16(value, static_cast<uint16_t>(endpoint.port ^ (kCookie >> 16)));
  const Bytes wire = endpoint.address.wire();
  for (size_t i = 0; i < wire.size(); ++i)
    value.push_back(wire[i] ^ mask[i]);
  return value;
}

Octets stun_message(uint16_t type, const Octets& id, const Octets& attributes) {
  Octets message;
  put_u16(message, type);
  put_u16(message, static_cast<uint16_t>(attributes.size()));
  put_u32(message, kCookie);
  put(message, id);
  put(message, attributes);
  return message;
}

}  // namespace

PacketMaker::PacketMaker(uint64_t seed, std::vector<Session> sessions, std::vector<Endpoint> peers,
                         std::function<Endpoint(Endpoint)> external)
    : random_(seed),
      sessions_(std::move(sessions)),
      peers_(std::move(peers)),
      external_(std::move(external)) {}

Packet PacketMaker::next() {
  const uint32_t dice = below(100);
  Packet packet = dice < 30   ? channel_data()
                  : dice < 60 ? send_indication()
                  : dice < 92 ? from_peer()
                              : other();
  if (chance(40)) mutate(packet);
  return packet;
}

// Sizes that media has, with all remainders of four, the smallest, and those around the MTU.
Octets PacketMaker::data() {
  const uint32_t dice = below(10);
  const uint32_t size = dice == 0 ? below(8) : dice == 1 ? 1380 + below(100) : below(1200);
  Octets bytes(size);
  for (uint8_t& byte : bytes)
    byte = static_cast<uint8_t>(random_());
  return bytes;
}

Frame PacketMaker::frame(const Endpoint& source, const Endpoint& destination, Octets payload) {
  Frame frame;
  frame.source = source;
  frame.destination = destination;
  frame.traffic_class = chance(50) ? 0 : static_cast<uint8_t>(random_());
  frame.ttl = chance(90) ? static_cast<uint8_t>(3 + below(253)) : static_cast<uint8_t>(below(4));
  frame.id = static_cast<uint16_t>(random_());
  frame.dont_fragment = chance(50);
  frame.flow_label = below(1u << 20);
  frame.payload = std::move(payload);
  if (chance(5)) frame.trailing = Octets(below(20), 0);
  return frame;
}

Packet PacketMaker::channel_data() {
  const Session& session = one_of(sessions_);
  uint16_t number = static_cast<uint16_t>(0x4000 + below(0x4000));
  if (!session.channels.empty() && chance(95)) number = one_of(session.channels).first.value;
  const Octets padding(chance(20) ? below(4) : 0, static_cast<uint8_t>(random_()));
  return {"ChannelData",
          to_bytes(frame(session.five_tuple.client, session.five_tuple.server,
                         bpf_test::channel_data(number, data(), padding))),
          true};
}

// XOR-PEER-ADDRESS and DATA in either order, and now and then something else.
Octets PacketMaker::attributes(const Endpoint& peer, const Octets& id, bool& plain) {
  std::vector<std::pair<uint16_t, Octets>> list{{0x0012, xor_address(peer, id)}, {0x0013, data()}};
  if (chance(20)) std::swap(list[0], list[1]);
  if (chance(10)) list.insert(list.begin() + below(3), {0x8022, Octets(below(40), 'x')});  // SOFTWARE
  if (chance(4))
    list.insert(list.begin() + below(3), {static_cast<uint16_t>(0xC000 + below(64)), Octets(below(9), 7)});
  if (chance(10))
    list.emplace_back(0x8028, Octets(4, static_cast<uint8_t>(random_())));  // FINGERPRINT, wrong
  if (chance(6)) {
    plain = false;
    switch (below(6)) {
      case 0:
        list.insert(list.begin() + below(3), {0x001A, {}});  // DONT-FRAGMENT
        break;
      case 1:
        list.push_back(list.front());  // twice, and the first counts
        break;
      case 2:
        list.erase(list.begin() + below(2));
        break;
      case 3:
        list.insert(list.begin() + below(3), {static_cast<uint16_t>(below(0x8000)), Octets(below(9), 3)});
        break;
      case 4:
        list.emplace_back(0x0008, Octets(20, 1));  // MESSAGE-INTEGRITY
        break;
      default:
        for (uint32_t i = 0; i < 3 + below(10); ++i)
          list.insert(list.begin(), {0x8022, {}});
    }
  }
  Octets bytes;
  for (const auto& [type, value] : list)
    put_attribute(bytes, type, value);
  return bytes;
}

Packet PacketMaker::send_indication() {
  const Session& session = one_of(sessions_);
  Endpoint peer = one_of(peers_);
  if (!session.permitted.empty() && chance(90)) {
    peer.address = one_of(session.permitted);
    for (const Session& other : sessions_)  // a relayed address wants a port that somebody has
      if (other.relayed.address == peer.address && chance(20)) peer = other.relayed;
    if (chance(95) && peer.port == 0) peer.port = 1;
  }
  Octets id(12);
  for (uint8_t& byte : id)
    byte = static_cast<uint8_t>(random_());
  bool plain = true;
  const Octets list = attributes(external_(peer), id, plain);
  return {
      "Send indication",
      to_bytes(frame(session.five_tuple.client, session.five_tuple.server, stun_message(0x0016, id, list))),
      plain};
}

Packet PacketMaker::from_peer() {
  const Session& session = one_of(sessions_);
  Endpoint peer = one_of(peers_);
  if (!session.channels.empty() && chance(60)) {
    peer = one_of(session.channels).second;
  } else if (!session.permitted.empty() && chance(90)) {
    peer = {one_of(session.permitted), static_cast<uint16_t>(1 + below(65535))};
  }
  // Other clients' datagrams do not come from outside; a few forged ones do.
  if (peer.address == session.relayed.address && chance(90)) peer = one_of(peers_);
  if (peer.address.is_v4() != session.relayed.address.is_v4())
    peer = {session.five_tuple.client.address, peer.port};
  if (peer.address.is_v4() != session.relayed.address.is_v4()) return other();
  Octets payload = data();
  if (chance(10) && !payload.empty())
    payload[0] = static_cast<uint8_t>(0x40 + below(0x40));           // like ChannelData
  if (chance(5)) payload = stun_message(0x0001, Octets(12, 9), {});  // an ICE check
  return {"datagram of a peer", to_bytes(frame(peer, session.relayed, payload)), true};
}

Packet PacketMaker::other() {
  const Session& session = one_of(sessions_);
  Octets payload = data();
  if (chance(50)) payload = stun_message(static_cast<uint16_t>(below(0x4000)), Octets(12, 5), {});
  const Endpoint& server = session.five_tuple.server;
  const Endpoint client{session.five_tuple.client.address, chance(50)
                                                               ? session.five_tuple.client.port
                                                               : static_cast<uint16_t>(1024 + below(60000))};
  return {"something else", to_bytes(frame(client, server, payload)), false};
}

// After some of them the IPv4 header's checksum is put right, or nothing would come further than that.
void PacketMaker::mutate(Packet& packet) {
  Octets& bytes = packet.bytes;
  packet.plain = false;
  const size_t udp = bytes[12] == 0x08 ? bpf_test::kUdp4 : bpf_test::kUdp6;
  const auto position = [&](size_t limit) {
    return below(static_cast<uint32_t>(std::min(limit, bytes.size())));
  };
  switch (below(8)) {
    case 0:
      for (uint32_t flips = 1 + below(4); flips > 0; --flips)
        bytes[position(bytes.size())] ^= static_cast<uint8_t>(1u << below(8));
      break;
    case 1:  // among the headers
      bytes[position(udp + 32)] = static_cast<uint8_t>(random_());
      break;
    case 2:
      bytes.resize(14 + position(bytes.size() - 14));
      break;
    case 3:
      bytes.resize(bytes.size() + 1 + below(64), 0);
      break;
    case 4:  // the UDP length
      if (bytes.size() > udp + 6) bytes[udp + 5] = static_cast<uint8_t>(bytes[udp + 5] + below(9) - 4);
      break;
    case 5:  // no UDP checksum
      if (bytes.size() > udp + 8) bytes[udp + 6] = bytes[udp + 7] = 0;
      break;
    case 6:  // any UDP checksum
      if (bytes.size() > udp + 8) bytes[udp + 6 + below(2)] = static_cast<uint8_t>(random_());
      break;
    default:  // the length in ChannelData or STUN
      if (bytes.size() > udp + 12) bytes[udp + 11] = static_cast<uint8_t>(bytes[udp + 11] + below(9) - 4);
  }
  if (bytes.size() >= bpf_test::kUdp4 && bytes[12] == 0x08 && bytes[13] == 0 && (bytes[14] & 15) == 5 &&
      chance(70))
    bpf_test::fix_ipv4_checksum(MutableBytes(bytes).subspan(14, 20));
}

}  // namespace turnpike::differential
