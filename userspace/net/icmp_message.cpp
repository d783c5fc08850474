// SPDX-License-Identifier: Apache-2.0
#include "net/icmp_message.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <algorithm>
#include <array>

#include "net/checksum.h"

namespace turnpike::net {

namespace {

constexpr size_t kIcmpHeader = 8;
constexpr size_t kIpv4Header = 20;
constexpr size_t kIpv6Header = 40;
constexpr size_t kUdpHeader = 8;
constexpr size_t kLongestV4Error = 576;
constexpr size_t kLongestV6Error = 1280;
constexpr uint16_t kDontFragment = 0x4000;
constexpr uint16_t kFragmentOffset = 0x1fff;

bool is_v4_packet(Bytes packet) {
  return !packet.empty() && packet[0] >> 4 == 4;
}

// The datagram that an error quotes; `udp` stands at its UDP header. False when there is not even that.
bool read_ports(Bytes udp, IcmpNotice& notice) {
  Reader reader(udp);
  notice.source.port = reader.u16();
  notice.destination.port = reader.u16();
  const uint16_t length = reader.u16();
  reader.skip(2);
  if (!reader.ok() || length < kUdpHeader) return false;
  notice.payload = udp.subspan(kUdpHeader, std::min<size_t>(udp.size(), length) - kUdpHeader);
  return true;
}

bool is_told_v4(uint8_t type) {
  return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED;
}

bool is_told_v6(uint8_t type) {
  return type == ICMP6_DST_UNREACH || type == ICMP6_PACKET_TOO_BIG || type == ICMP6_TIME_EXCEEDED;
}

}  // namespace

std::optional<IcmpNotice> parse_icmp_v4(Bytes message) {
  Reader reader(message);
  IcmpNotice notice;
  notice.type = reader.u8();
  notice.code = reader.u8();
  reader.skip(4);
  const uint16_t mtu = reader.u16();
  if (!reader.ok() || !is_told_v4(notice.type)) return std::nullopt;
  const Bytes packet = message.subspan(kIcmpHeader);
  const auto ends = ends_of(packet);
  if (!ends || !is_v4_packet(packet)) return std::nullopt;
  const size_t header = (packet[0] & 0x0fU) * 4U;
  notice.size = packet[2] << 8 | packet[3];
  const unsigned offset = (packet[6] << 8 | packet[7]) & kFragmentOffset;
  if (header < kIpv4Header || header > packet.size() || packet[9] != IPPROTO_UDP || offset != 0)
    return std::nullopt;
  notice.source.address = ends->source;
  notice.destination.address = ends->destination;
  if (!read_ports(packet.subspan(header), notice)) return std::nullopt;
  if (notice.is_too_big()) notice.data = mtu;
  return notice;
}

std::optional<IcmpNotice> parse_icmp_v6(Bytes message) {
  Reader reader(message);
  IcmpNotice notice;
  notice.type = reader.u8();
  notice.code = reader.u8();
  reader.skip(2);
  const uint32_t mtu = reader.u32();
  if (!reader.ok() || !is_told_v6(notice.type)) return std::nullopt;
  const Bytes packet = message.subspan(kIcmpHeader);
  const auto ends = ends_of(packet);
  if (!ends || is_v4_packet(packet) || packet[6] != IPPROTO_UDP) return std::nullopt;
  notice.size = static_cast<uint32_t>(kIpv6Header) + (packet[4] << 8 | packet[5]);
  notice.source.address = ends->source;
  notice.destination.address = ends->destination;
  if (!read_ports(packet.subspan(kIpv6Header), notice)) return std::nullopt;
  if (notice.is_too_big()) notice.data = mtu;
  return notice;
}

std::vector<uint8_t> make_too_big(Bytes packet, uint32_t mtu) {
  const bool v4 = is_v4_packet(packet);
  const size_t most = v4 ? kLongestV4Error - kIpv4Header : kLongestV6Error - kIpv6Header;
  std::vector<uint8_t> message(std::min(most, kIcmpHeader + packet.size()));
  Writer writer(message);
  writer.u8(v4 ? ICMP_DEST_UNREACH : ICMP6_PACKET_TOO_BIG);
  writer.u8(v4 ? ICMP_FRAG_NEEDED : 0);
  writer.u16(0);
  writer.u32(v4 ? std::min<uint32_t>(mtu, 0xffff) : mtu);  // RFC 1191 §4: the lower half
  writer.put(packet.first(message.size() - kIcmpHeader));
  if (v4) writer.patch_u16(2, internet_checksum(add_words(0, message)));
  return message;
}

std::vector<uint8_t> quote_datagram(const IpAddress& source, const IpAddress& destination, Bytes udp) {
  const bool v4 = source.is_v4();
  const auto length = static_cast<uint16_t>(udp.size() >= 6 ? udp[4] << 8 | udp[5] : udp.size());
  std::vector<uint8_t> packet((v4 ? kIpv4Header : kIpv6Header) + udp.size());
  Writer writer(packet);
  if (v4) {
    writer.u16(0x4500);
    writer.u16(static_cast<uint16_t>(kIpv4Header + length));
    writer.u16(0);
    writer.u16(kDontFragment);
    writer.u8(64);
    writer.u8(IPPROTO_UDP);
    writer.u16(0);
  } else {
    writer.u32(0x60000000);
    writer.u16(length);
    writer.u8(IPPROTO_UDP);
    writer.u8(64);
  }
  writer.put(source.wire());
  writer.put(destination.wire());
  if (v4) writer.patch_u16(10, internet_checksum(add_words(0, Bytes(packet).first(kIpv4Header))));
  writer.put(udp);
  return packet;
}

Bytes ip_packet_of(Bytes frame) {
  Reader reader(frame);
  reader.skip(12);
  for (;;) {
    const uint16_t type = reader.u16();
    if (!reader.ok()) return {};
    if (type == 0x0800 || type == 0x86dd) return frame.subspan(reader.position());
    if (type != 0x8100 && type != 0x88a8) return {};
    reader.skip(2);
  }
}

std::optional<IpEnds> ends_of(Bytes packet) {
  const bool v4 = is_v4_packet(packet);
  if (packet.size() < (v4 ? kIpv4Header : kIpv6Header) || (!v4 && packet[0] >> 4 != 6)) return std::nullopt;
  const size_t size = v4 ? 4 : 16;
  const Bytes ends = packet.subspan(v4 ? 12 : 8, 2 * size);
  auto source = IpAddress::from_wire(ends.first(size));
  auto destination = IpAddress::from_wire(ends.last(size));
  if (!source || !destination) return std::nullopt;
  return IpEnds{*source, *destination};
}

}  // namespace turnpike::net
