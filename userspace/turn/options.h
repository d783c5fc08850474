// SPDX-License-Identifier: Apache-2.0
//
// What a turn::Server is told once, when it is made.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "turn/environment.h"
#include "turn/relay_ports.h"
#include "turn/reservations.h"
#include "util/clock.h"
#include "util/random.h"

namespace turnpike::turn {

// A relay address as the interface has it, and as clients and peers see it (1:1 NAT; equal without one).
struct RelayAddress {
  IpAddress local;
  IpAddress external;
};

struct Options {
  std::string realm = "turnpike";
  std::vector<RelayAddress> relay_addresses;  // an allocation takes one at random from its family's
  unsigned worker = 0;                        // this server is number `worker` of `workers`
  unsigned workers = 1;
  bool strict_channels = false;      // RFC 8656's 0x4000-0x4FFF only
  std::string software;              // SOFTWARE of answers to users; empty: none
  Seconds default_lifetime{600};     // RFC 8656 §3.2
  Seconds max_lifetime{3600};        // RFC 8656 §7.2
  Seconds permission_lifetime{300};  // RFC 8656 §9
  Seconds channel_lifetime{600};     // RFC 8656 §12
  Seconds channel_rest{300};         // RFC 8656 §12: a freed number or peer waits this long
  Seconds reservation_lifetime{30};  // RFC 8656 §7.2
  size_t max_permissions = 256;      // per allocation; 508 beyond
  size_t max_channels = 256;         // per allocation, resting ones included; 508 beyond
};

struct Environment {
  const Authenticator& authenticator;
  const PeerPolicy& peers;
  AllocationQuota& quota;
  RelayPorts& ports;           // shared
  Reservations& reservations;  // shared
  Random& random;
  TrafficLimits* limits = nullptr;  // shared; nullptr: none
  SourceGuard* sources = nullptr;   // shared; nullptr: everybody may
};

}  // namespace turnpike::turn
