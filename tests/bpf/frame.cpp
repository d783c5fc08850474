// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

namespace turnpike::bpf_test {

void put_u16(Octets& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}

void put(Octets& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

namespace {

Octets udp_datagram(const Frame& frame, uint16_t check) {
  Octets udp;
  put_u16(udp, frame.source.port);
  put_u16(udp, frame.destination.port);
  put_u16(udp, static_cast<uint16_t>(8 + frame.payload.size()));
  put_u16(udp, check);
  put(udp, frame.payload);
  return udp;
}

void put_ipv4(Octets& out, const Frame& frame, size_t udp_length) {
  const size_t start = out.size();
  put(out, Octets{0x45, frame.traffic_class});
  put_u16(out, static_cast<uint16_t>(20 + udp_length));
  put_u16(out, frame.id);
  put_u16(out, frame.dont_fragment ? 0x4000 : 0);
  put(out, Octets{frame.ttl, 17, 0, 0});
  put(out, frame.source.address.wire());
  put(out, frame.destination.address.wire());
  fix_ipv4_checksum(MutableBytes(out).subspan(start, 20));
}

void put_ipv6(Octets& out, const Frame& frame, size_t udp_length) {
  put_u16(out, static_cast<uint16_t>(0x6000 | frame.traffic_class << 4 | frame.flow_label >> 16));
  put_u16(out, static_cast<uint16_t>(frame.flow_label));
  put_u16(out, static_cast<uint16_t>(udp_length));
  put(out, Octets{17, frame.ttl});
  put(out, frame.source.address.wire());
  put(out, frame.destination.address.wire());
}

}  // namespace

uint32_t ones_sum(Bytes bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i)
    sum = (sum + (i % 2 == 0 ? bytes[i] * 256u : bytes[i])) % 65535;
  return sum;
}

uint32_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination, uint16_t udp_length) {
  return (ones_sum(source.wire()) + ones_sum(destination.wire()) + udp_length + 17) % 65535;
}

uint16_t right_udp_check(const Frame& frame) {
  const Octets udp = udp_datagram(frame, 0);
  const uint32_t sum =
      pseudo_header_sum(frame.source.address, frame.destination.address, static_cast<uint16_t>(udp.size())) +
      ones_sum(udp);
  // 65535 - 0 is the 0xffff that stands for a computed zero.
  return static_cast<uint16_t>(65535 - sum % 65535);
}

void fix_ipv4_checksum(MutableBytes header) {
  header[10] = header[11] = 0;
  // The sum of a header that begins with 0x45 is not zero, so 65535 - 0 stands for the value 0.
  const uint32_t check = (65535 - ones_sum(header)) % 65535;
  header[10] = static_cast<uint8_t>(check >> 8);
  header[11] = static_cast<uint8_t>(check);
}

Octets to_bytes(const Frame& frame) {
  const Octets udp = udp_datagram(frame, frame.udp_check.value_or(right_udp_check(frame)));
  const bool v4 = frame.source.address.is_v4();
  Octets out;
  put(out, frame.destination_mac);
  put(out, frame.source_mac);
  for (const Tag& tag : frame.tags) {
    put_u16(out, tag.protocol);
    put_u16(out, tag.control);
  }
  put_u16(out, v4 ? 0x0800 : 0x86dd);
  if (v4)
    put_ipv4(out, frame, udp.size());
  else
    put_ipv6(out, frame, udp.size());
  put(out, udp);
  put(out, frame.trailing);
  return out;
}

Octets channel_data(uint16_t channel, const Octets& data, const Octets& padding) {
  Octets out;
  put_u16(out, channel);
  put_u16(out, static_cast<uint16_t>(data.size()));
  put(out, data);
  put(out, padding);
  return out;
}

Octets pattern(size_t size, uint8_t first) {
  Octets out;
  for (size_t i = 0; i < size; ++i)
    out.push_back(static_cast<uint8_t>(first + 31 * i));
  return out;
}

}  // namespace turnpike::bpf_test
