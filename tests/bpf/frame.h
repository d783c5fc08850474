// SPDX-License-Identifier: Apache-2.0
//
// Frame: an Ethernet frame with a UDP datagram, described by its fields. to_bytes() computes every length and
// checksum from scratch, by code that shares nothing with the BPF program.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "util/endpoint.h"

namespace turnpike::bpf_test {

using Octets = std::vector<uint8_t>;
using Mac = std::array<uint8_t, 6>;

struct Tag {
  uint16_t protocol;  // 0x8100, 0x88a8
  uint16_t control;   // priority, DEI and the VLAN's id
  bool operator==(const Tag&) const = default;
};

struct Frame {
  Mac destination_mac{0x02, 0, 0, 0, 0, 0x01};
  Mac source_mac{0x02, 0, 0, 0, 0, 0x02};
  std::vector<Tag> tags;         // the outer first
  Endpoint source, destination;  // of one family, which is the frame's
  uint8_t traffic_class = 0;     // DSCP and ECN
  uint8_t ttl = 64;
  uint16_t id = 0;                    // IPv4
  bool dont_fragment = false;         // IPv4
  uint32_t flow_label = 0;            // IPv6
  Octets payload;                     // of UDP
  std::optional<uint16_t> udp_check;  // instead of the right one
  Octets trailing;                    // after the IP datagram
};

Octets to_bytes(const Frame& frame);

// Where headers begin in to_bytes(frame), without tags.
inline constexpr size_t kIp = 14, kUdp4 = kIp + 20, kUdp6 = kIp + 40;

// Sum of 16-bit words in ones' complement: 0..65534, 0 when a checksum that is among them is right.
uint32_t ones_sum(Bytes bytes);
// Of the pseudo header of a UDP datagram (RFC 768, RFC 8200 §8.1).
uint32_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination, uint16_t udp_length);
// The UDP checksum that `frame` gets when udp_check is not set.
uint16_t right_udp_check(const Frame& frame);
// Puts the right header checksum into an IPv4 header of 20 bytes.
void fix_ipv4_checksum(MutableBytes header);

void put_u16(Octets& out, uint16_t value);
void put(Octets& out, Bytes bytes);
Octets channel_data(uint16_t channel, const Octets& data, const Octets& padding = {});
// `size` bytes that differ from each other and from zero for the most part.
Octets pattern(size_t size, uint8_t first = 0x80);

}  // namespace turnpike::bpf_test
