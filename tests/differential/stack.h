// SPDX-License-Identifier: Apache-2.0
//
// The host's stack between the wire and the slow path, in so far as the slow path sees it: what of a frame
// reaches a UDP socket, and what frame a datagram leaves in.
#pragma once

#include <optional>

#include "bpf/frame.h"
#include "util/relay_types.h"

namespace turnpike::differential {

struct Received {
  Endpoint source, destination;
  IpFields ip;
  bpf_test::Octets payload;
  // Sum of the datagram and its pseudo header in ones' complement: 0 when the checksum is right. The stack
  // drops other ones; the fast path, which updates the checksum, leaves the fault in it for the receiver.
  uint32_t residue = 0;
  bool no_checksum = false;  // the field is 0, which IPv4 allows
  uint16_t udp_length = 0;
};

// nothing: no socket gets it (or not before other fragments came). A wrong UDP checksum is told, not refused.
std::optional<Received> receive(Bytes frame);

}  // namespace turnpike::differential
