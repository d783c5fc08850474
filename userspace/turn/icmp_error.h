// SPDX-License-Identifier: Apache-2.0
//
// IcmpError: what a router or host said about a packet that the relay had sent.
#pragma once

#include <cstdint>

#include "util/bytes.h"
#include "util/endpoint.h"

namespace turnpike::turn {

struct IcmpError {
  // Of the packet that caused it, which we sent: from a relayed address to a peer, or from a listening
  // address to a client.
  Endpoint source;
  Endpoint destination;
  uint8_t type = 0;  // ICMP's, or ICMPv6's when the addresses are IPv6
  uint8_t code = 0;
  uint32_t data = 0;  // RFC 8656 §18.13's Error Data: the MTU where the error tells one, else 0
  Bytes payload;      // as much of the packet's UDP payload as the error quotes; may be empty
};

// Type 3 code 4 or ICMPv6 type 2: `data` is the MTU of the link that the packet did not fit.
inline bool is_too_big(const IcmpError& error) {
  return error.source.address.is_v4() ? error.type == 3 && error.code == 4 : error.type == 2;
}

}  // namespace turnpike::turn
