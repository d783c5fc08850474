// SPDX-License-Identifier: Apache-2.0
#include "differential/stack.h"

#include <algorithm>

namespace turnpike::differential {
namespace {

uint16_t u16(Bytes bytes, size_t offset) {
  return static_cast<uint16_t>(bytes[offset] << 8 | bytes[offset + 1]);
}

// The IP payload, with source, destination and fields filled in.
std::optional<Bytes> receive_ipv4(Bytes ip, Received& received) {
  if (ip.size() < 20 || ip[0] >> 4 != 4) return std::nullopt;
  const size_t header = size_t{ip[0] & 15u} * 4;
  const size_t total = u16(ip, 2);
  if (header < 20 || total < header || total > ip.size()) return std::nullopt;
  if (bpf_test::ones_sum(ip.first(header)) != 0) return std::nullopt;
  if ((u16(ip, 6) & 0x3fff) != 0 || ip[9] != 17) return std::nullopt;
  received.ip = {ip[8], ip[1], (u16(ip, 6) & 0x4000) != 0};
  received.source.address = IpAddress::from_wire(ip.subspan(12, 4)).value();
  received.destination.address = IpAddress::from_wire(ip.subspan(16, 4)).value();
  return ip.subspan(header, total - header);
}

std::optional<Bytes> receive_ipv6(Bytes ip, Received& received) {
  if (ip.size() < 40 || ip[0] >> 4 != 6 || ip[6] != 17) return std::nullopt;
  const size_t length = u16(ip, 4);
  if (length > ip.size() - 40) return std::nullopt;
  received.ip = {ip[7], static_cast<uint8_t>(ip[0] << 4 | ip[1] >> 4), false};
  received.source.address = IpAddress::from_wire(ip.subspan(8, 16)).value();
  received.destination.address = IpAddress::from_wire(ip.subspan(24, 16)).value();
  // RFC 4942 §2.2: an IPv4 address has no place in an IPv6 header.
  if (received.source.address.is_v4() || received.destination.address.is_v4()) return std::nullopt;
  return ip.subspan(40, length);
}

}  // namespace

std::optional<Received> receive(Bytes frame) {
  if (frame.size() < 14) return std::nullopt;
  Received received;
  const uint16_t protocol = u16(frame, 12);
  const auto udp = protocol == 0x0800   ? receive_ipv4(frame.subspan(14), received)
                   : protocol == 0x86DD ? receive_ipv6(frame.subspan(14), received)
                                        : std::nullopt;
  if (!udp || udp->size() < 8) return std::nullopt;
  const size_t length = u16(*udp, 4);
  if (length < 8 || length > udp->size()) return std::nullopt;
  received.udp_length = static_cast<uint16_t>(length);
  received.source.port = u16(*udp, 0);
  received.destination.port = u16(*udp, 2);
  received.no_checksum = u16(*udp, 6) == 0;
  if (received.no_checksum && protocol == 0x86DD) return std::nullopt;
  received.residue = (bpf_test::ones_sum(udp->first(length)) +
                      bpf_test::pseudo_header_sum(received.source.address, received.destination.address,
                                                  received.udp_length)) %
                     0xffff;
  received.payload.assign(udp->begin() + 8, udp->begin() + static_cast<std::ptrdiff_t>(length));
  return received;
}

}  // namespace turnpike::differential
