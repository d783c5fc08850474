// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "message.h"
#include "net/checksum.h"
#include "stun/channel_data.h"
#include "stun/constants.h"

namespace turnpike::load {
namespace {

constexpr size_t kUdpHeaderSize = 8;
constexpr size_t kIpv4HeaderSize = 20;
constexpr size_t kIpv6HeaderSize = 40;
constexpr size_t kAttributeHeaderSize = 4;
constexpr uint8_t kTtl = 64;
// XORed with the magic cookie's upper half (RFC 8489 §14.2) this port is 0 on the wire.
constexpr uint16_t kPortOfZero = stun::kMagicCookie >> 16;

size_t ip_header_size(AddressFamily family) {
  return family == AddressFamily::kIpv4 ? kIpv4HeaderSize : kIpv6HeaderSize;
}

void write_ipv4(Writer& writer, const Route& route, size_t udp_size) {
  const size_t start = writer.position();
  writer.u16(0x4500);
  writer.u16(static_cast<uint16_t>(kIpv4HeaderSize + udp_size));
  writer.u32(0x00004000);  // don't fragment
  writer.u8(kTtl);
  writer.u8(IPPROTO_UDP);
  writer.u16(0);
  writer.put(route.source.wire());
  writer.put(route.destination.wire());
  writer.patch_u16(start + 10, net::internet_checksum(net::add_words(0, writer.written().subspan(start))));
}

void write_ipv6(Writer& writer, const Route& route, size_t udp_size) {
  writer.u32(0x60000000);
  writer.u16(static_cast<uint16_t>(udp_size));
  writer.u8(IPPROTO_UDP);
  writer.u8(kTtl);
  writer.put(route.source.wire());
  writer.put(route.destination.wire());
}

// The same bytes at the same place in a payload of any size: frames of several sizes share pages.
std::vector<uint8_t> payload_of(uint16_t size) {
  std::vector<uint8_t> payload(size);
  for (size_t i = 0; i < payload.size(); ++i)
    payload[i] = static_cast<uint8_t>(i);
  const load_mark mark{LOAD_MAGIC, 0};
  std::memcpy(payload.data(), &mark, std::min(payload.size(), sizeof(mark)));
  return payload;
}

std::vector<uint8_t> message_of(const Route& route, load_form form, uint16_t payload_size) {
  switch (form) {
    case LOAD_CHANNEL:
      return channel_data(0, payload_of(payload_size));
    case LOAD_INDICATION:
      return send_indication({route.peer, kPortOfZero}, payload_of(payload_size));
    case LOAD_PLAIN:
      break;
  }
  return payload_of(payload_size);
}

}  // namespace

FrameLayout layout_of(AddressFamily family, load_form form) {
  FrameLayout layout;
  layout.udp = static_cast<uint32_t>(ETH_HLEN + ip_header_size(family));
  const auto message = static_cast<uint32_t>(layout.udp + kUdpHeaderSize);
  const uint32_t xor_address_size = family == AddressFamily::kIpv4 ? 8 : 20;
  switch (form) {
    case LOAD_PLAIN:
      layout.mark = message;
      break;
    case LOAD_CHANNEL:
      layout.selector = message;
      layout.mark = message + stun::kChannelDataHeaderSize;
      break;
    case LOAD_INDICATION:
      layout.selector = message + stun::kHeaderSize + kAttributeHeaderSize + 2;  // past the family
      layout.mark = message + stun::kHeaderSize + 2 * kAttributeHeaderSize + xor_address_size;
      break;
  }
  return layout;
}

std::vector<uint8_t> build_frame(const Route& route, load_form form, uint16_t payload_size) {
  const AddressFamily family = route.destination.family();
  const std::vector<uint8_t> message = message_of(route, form, payload_size);
  const size_t udp_size = kUdpHeaderSize + message.size();
  std::vector<uint8_t> frame(ETH_HLEN + ip_header_size(family) + udp_size);
  Writer writer(frame);
  writer.put(route.destination_mac);
  writer.put(route.source_mac);
  writer.u16(family == AddressFamily::kIpv4 ? ETH_P_IP : ETH_P_IPV6);
  if (family == AddressFamily::kIpv4)
    write_ipv4(writer, route, udp_size);
  else
    write_ipv6(writer, route, udp_size);
  writer.u32(0);  // ports
  writer.u16(static_cast<uint16_t>(udp_size));
  writer.u16(0);
  writer.put(message);
  return frame;
}

load_head head_of(const std::vector<uint8_t>& frame, size_t largest, AddressFamily family, load_form form) {
  const FrameLayout layout = layout_of(family, form);
  const Bytes datagram = Bytes(frame).subspan(layout.udp);
  const size_t address_size = family == AddressFamily::kIpv4 ? 4 : 16;
  uint64_t sum = IPPROTO_UDP + datagram.size();
  sum = net::add_words(sum, Bytes(frame).subspan(layout.udp - 2 * address_size, 2 * address_size));
  sum = net::add_words(sum, datagram);
  load_head head{};
  std::memcpy(head.words, frame.data(), std::min<size_t>(frame.size(), 8 * layout.head_words()));
  head.surplus = static_cast<uint32_t>(largest - frame.size());
  head.checksum = htons(static_cast<uint16_t>(~net::internet_checksum(sum)));
  return head;
}

}  // namespace turnpike::load
