// SPDX-License-Identifier: Apache-2.0
#include "packet_reader.h"

#include <algorithm>
#include <cstring>

#include "util/bytes.h"

namespace turnpike::bpf_test {
namespace {

constexpr size_t kMostAttributes = 8;
constexpr size_t kLongestFraming = 256;  // before the data, and after it

IpAddress read_address(Reader& reader, size_t size) {
  auto address = IpAddress::from_wire(reader.take(size));
  return address ? *address : IpAddress();
}

tp_reason read_ipv4(Reader& reader, Bytes header, Frame& frame, size_t& length) {
  const uint8_t version = reader.u8();
  frame.traffic_class = reader.u8();
  const uint16_t total = reader.u16();
  frame.id = reader.u16();
  const uint16_t fragment = reader.u16();
  frame.dont_fragment = fragment & 0x4000;
  frame.ttl = reader.u8();
  const uint8_t protocol = reader.u8();
  reader.skip(2);
  frame.source.address = read_address(reader, 4);
  frame.destination.address = read_address(reader, 4);
  if (!reader.ok() || version >> 4 != 4 || (version & 15) < 5) return TP_PASS_MALFORMED;
  if (protocol != 17) return TP_PASS_NOT_UDP;
  if (version != 0x45) return TP_PASS_IP_OPTIONS;
  if (fragment & 0x2000 || fragment & 0x1fff) return TP_PASS_FRAGMENT;
  if (ones_sum(header.first(20)) != 0) return TP_PASS_IP_CHECKSUM;
  if (total < 20 || total - 20u > reader.remaining()) return TP_PASS_MALFORMED;
  length = total - 20u;
  return kNoReason;
}

tp_reason read_ipv6(Reader& reader, Frame& frame, size_t& length) {
  const uint32_t first = reader.u32();
  frame.traffic_class = static_cast<uint8_t>(first >> 20);
  length = reader.u16();
  const uint8_t next = reader.u8();
  frame.ttl = reader.u8();
  frame.source.address = read_address(reader, 16);
  frame.destination.address = read_address(reader, 16);
  if (!reader.ok() || first >> 28 != 6) return TP_PASS_MALFORMED;
  if (next == 44) return TP_PASS_FRAGMENT;
  if (next != 17) return TP_PASS_NOT_UDP;
  if (frame.source.address.is_v4() || frame.destination.address.is_v4()) return TP_PASS_MALFORMED;
  return length > reader.remaining() ? TP_PASS_MALFORMED : kNoReason;
}

tp_reason read_udp(Bytes datagram, bool v4, Parsed& parsed) {
  Reader reader(datagram);
  parsed.frame.source.port = reader.u16();
  parsed.frame.destination.port = reader.u16();
  const uint16_t length = reader.u16();
  parsed.udp_check = reader.u16();
  if (!reader.ok() || length != datagram.size()) return TP_PASS_MALFORMED;
  if (parsed.frame.destination.port == 0) return TP_PASS_MALFORMED;
  if (parsed.udp_check == 0 && !v4) return TP_PASS_MALFORMED;
  const Bytes payload = reader.take(reader.remaining());
  parsed.frame.payload.assign(payload.begin(), payload.end());
  parsed.error = (pseudo_header_sum(parsed.frame.source.address, parsed.frame.destination.address, length) +
                  ones_sum(datagram)) %
                 65535;
  return kNoReason;
}

// Tags of VLAN 0 say a priority only, and are not kept.
tp_reason read_tags(const World& world, Reader& reader, std::vector<Tag>& tags, uint16_t& protocol) {
  size_t count = 0;
  for (protocol = reader.u16(); protocol == 0x8100 || protocol == 0x88a8; protocol = reader.u16()) {
    const Tag tag{protocol, reader.u16()};
    if (++count > 2) return TP_PASS_VLAN;
    if ((tag.control & 0x0fff) != 0) tags.push_back(tag);
  }
  if (!reader.ok()) return TP_PASS_MALFORMED;
  if (tags.empty()) return kNoReason;
  const tp_vlan_key key = vlan_key(tags);
  const bool ours = std::any_of(world.vlans.begin(), world.vlans.end(), [&](const World::Vlan& vlan) {
    return std::memcmp(&vlan.key, &key, sizeof(key)) == 0;
  });
  return ours ? kNoReason : TP_PASS_VLAN;
}

}  // namespace

tp_reason read_packet(const World& world, const Octets& packet, Parsed& parsed) {
  Reader reader(packet);
  reader.skip(12);
  uint16_t protocol = 0;
  size_t length = 0;
  tp_reason reason = read_tags(world, reader, parsed.frame.tags, protocol);
  if (reason != kNoReason) return reason;
  const bool v4 = protocol == 0x0800;
  if (v4)
    reason = read_ipv4(reader, Bytes(packet).subspan(reader.position()), parsed.frame, length);
  else if (protocol == 0x86dd)
    reason = read_ipv6(reader, parsed.frame, length);
  else
    reason = TP_PASS_NOT_IP;
  std::copy_n(packet.begin(), 6, parsed.frame.destination_mac.begin());
  std::copy_n(packet.begin() + 6, 6, parsed.frame.source_mac.begin());
  return reason == kNoReason ? read_udp(reader.take(length), v4, parsed) : reason;
}

bool is_stun(const Octets& payload) {
  static constexpr uint8_t kCookie[] = {0x21, 0x12, 0xa4, 0x42};
  return payload.size() >= 20 && payload[0] < 0x40 && std::equal(kCookie, kCookie + 4, payload.begin() + 4);
}

std::optional<Send> read_send(const Octets& payload) {
  Reader reader(payload);
  reader.skip(2);
  const uint16_t length = reader.u16();
  reader.skip(4);
  TransactionId id;
  const Bytes id_bytes = reader.take(id.size());
  std::copy(id_bytes.begin(), id_bytes.end(), id.begin());
  if (length != reader.remaining() || length % 4 != 0) return std::nullopt;
  std::optional<Endpoint> peer;
  std::optional<Octets> data;
  size_t before = 0, after = 0;  // bytes of message on each side of the data
  for (size_t count = 0; reader.remaining() > 0; ++count) {
    const uint16_t type = reader.u16(), size = reader.u16();
    const Bytes value = reader.take(padded(size)).first(reader.ok() ? size : 0);
    if (!reader.ok() || count == kMostAttributes) return std::nullopt;
    if (type == kXorPeerAddress && !peer) {
      peer = read_xor_address(value, id);
      if (!peer || peer->port == 0 || (value.size() == 20 && peer->address.is_v4())) return std::nullopt;
    } else if (type == kData && !data) {
      data = Octets(value.begin(), value.end());
      before = reader.position() - padded(size);
      after = reader.remaining();
    } else if (type == kFingerprint) {
      if (size != 4 || reader.remaining() > 0) return std::nullopt;
    } else if (type < 0x8000) {
      return std::nullopt;
    }
  }
  if (!peer || !data || before > kLongestFraming || after > kLongestFraming) return std::nullopt;
  return Send{*peer, *data};
}

}  // namespace turnpike::bpf_test
