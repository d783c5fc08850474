// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include "stun/channel_data.h"

namespace turnpike::load {
namespace {

constexpr size_t kUdpHeaderSize = 8;
constexpr size_t kIpv4HeaderSize = 20;
constexpr size_t kIpv6HeaderSize = 40;
constexpr uint8_t kTtl = 64;

uint32_t sum_words(Bytes bytes, uint32_t sum = 0) {
  for (size_t i = 0; i < bytes.size(); ++i)
    sum += i % 2 == 0 ? uint32_t{bytes[i]} << 8 : uint32_t{bytes[i]};
  return sum;
}

uint16_t fold(uint32_t sum) {
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

void write_ipv4(Writer& writer, const FrameSpec& spec, uint16_t udp_size) {
  const size_t start = writer.position();
  writer.u16(0x4500);
  writer.u16(static_cast<uint16_t>(kIpv4HeaderSize + udp_size));
  writer.u32(0x00004000);  // don't fragment
  writer.u8(kTtl);
  writer.u8(IPPROTO_UDP);
  writer.u16(0);
  writer.put(spec.source.address.wire());
  writer.put(spec.destination.address.wire());
  writer.patch_u16(start + 10, fold(sum_words(writer.written().subspan(start))));
}

void write_ipv6(Writer& writer, const FrameSpec& spec, uint16_t udp_size) {
  writer.u32(0x60000000);
  writer.u16(udp_size);
  writer.u8(IPPROTO_UDP);
  writer.u8(kTtl);
  writer.put(spec.source.address.wire());
  writer.put(spec.destination.address.wire());
}

void write_udp(Writer& writer, const FrameSpec& spec, uint16_t udp_size) {
  const size_t start = writer.position();
  writer.u16(spec.source.port);
  writer.u16(spec.destination.port);
  writer.u16(udp_size);
  writer.u16(0);
  if (spec.channel) {
    writer.u16(*spec.channel);
    writer.u16(spec.payload_size);
  }
  for (uint16_t i = 0; i < spec.payload_size; ++i)
    writer.u8(static_cast<uint8_t>(i));
  uint32_t sum = sum_words(spec.source.address.wire(), udp_size + IPPROTO_UDP);
  sum = sum_words(spec.destination.address.wire(), sum);
  const uint16_t checksum = fold(sum_words(writer.written().subspan(start), sum));
  writer.patch_u16(start + 6, checksum == 0 ? 0xffff : checksum);
}

}  // namespace

uint16_t udp_length(uint16_t payload_size, bool with_channel) {
  return static_cast<uint16_t>(kUdpHeaderSize + (with_channel ? stun::kChannelDataHeaderSize : 0) +
                               payload_size);
}

std::vector<uint8_t> build_frame(const FrameSpec& spec) {
  const bool v4 = spec.destination.address.is_v4();
  const uint16_t udp_size = udp_length(spec.payload_size, spec.channel.has_value());
  std::vector<uint8_t> frame(ETH_HLEN + (v4 ? kIpv4HeaderSize : kIpv6HeaderSize) + udp_size);
  Writer writer(frame);
  writer.put(spec.destination_mac);
  writer.put(spec.source_mac);
  writer.u16(v4 ? ETH_P_IP : ETH_P_IPV6);
  if (v4)
    write_ipv4(writer, spec, udp_size);
  else
    write_ipv6(writer, spec, udp_size);
  write_udp(writer, spec, udp_size);
  return frame;
}

}  // namespace turnpike::load
