// SPDX-License-Identifier: Apache-2.0
//
// ICMP errors about UDP datagrams (RFC 792, RFC 4443): what one that came says, and one of our own that says
// a packet was too big. Without sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "util/bytes.h"
#include "util/endpoint.h"

namespace turnpike::net {

// An error about a datagram that went from `source` to `destination`.
struct IcmpNotice {
  Endpoint source;
  Endpoint destination;
  uint8_t type = 0;  // of ICMP, or of ICMPv6 when the addresses are IPv6
  uint8_t code = 0;
  uint32_t data = 0;  // the MTU where the error tells one, else 0
  Bytes payload;      // as much of the datagram's UDP payload as is quoted
  uint32_t size = 0;  // of the whole IP packet that is quoted, by its header

  bool is_too_big() const { return source.address.is_v4() ? type == 3 && code == 4 : type == 2; }
};

// `message`: from the ICMP header on. Destination unreachable, time exceeded and packet too big that quote a
// UDP datagram (IPv4 options are skipped; IPv6 extension headers, which the relay sends only with fragments,
// are not) and no fragment but the first; nullopt for the rest.
std::optional<IcmpNotice> parse_icmp_v4(Bytes message);
std::optional<IcmpNotice> parse_icmp_v6(Bytes message);

// ICMP type 3 code 4 or ICMPv6 type 2, from the ICMP header on, quoting as much of `packet` (an IP packet) as
// such an error may (RFC 1812 §4.3.2.3: 576 bytes in all; RFC 4443 §2.4: the least IPv6 MTU). The checksum is
// there for IPv4; the kernel fills in ICMPv6's.
std::vector<uint8_t> make_too_big(Bytes packet, uint32_t mtu);

// The IP packet of a datagram as its sender sent it, whole or cut short. `udp`: the UDP header and what
// follows it.
std::vector<uint8_t> quote_datagram(const IpAddress& source, const IpAddress& destination, Bytes udp);

// The IP packet in an Ethernet frame, behind its VLAN tags; empty when there is none.
Bytes ip_packet_of(Bytes frame);

struct IpEnds {
  IpAddress source;
  IpAddress destination;
};
// nullopt when it is not as long as an IP header.
std::optional<IpEnds> ends_of(Bytes packet);

}  // namespace turnpike::net
