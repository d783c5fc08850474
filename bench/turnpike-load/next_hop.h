// SPDX-License-Identifier: Apache-2.0
//
// NextHop: interface and MAC addresses by which the thread's network namespace reaches a destination.
#pragma once

#include "net/rtnetlink.h"
#include "util/endpoint.h"

namespace turnpike::load {

struct NextHop {
  unsigned ifindex = 0;
  net::MacAddress source_mac{};
  net::MacAddress destination_mac{};
};

// From `source`, an address of this host. Has the neighbour resolved first when need be; waits a second at
// most.
Result<NextHop> resolve_next_hop(const IpAddress& source, const IpAddress& destination);
// The address that this host would use towards `remote`.
Result<IpAddress> source_towards(const Endpoint& remote);
// The interface that carries `address`.
Result<net::Link> interface_of(const IpAddress& address);

}  // namespace turnpike::load
