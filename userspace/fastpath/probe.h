// SPDX-License-Identifier: Apache-2.0
//
// The test packet: does what XDP redirects to an interface leave it? Several drivers accept a program and
// then transmit nothing. A burst of frames of an experimental EtherType, from the interface's own MAC to
// itself, and a look at its transmit counters. Others use the interface meanwhile: the burst is made to stand
// out from what they were seen to send just before.
#pragma once

#include "net/rtnetlink.h"
#include "util/result.h"

namespace turnpike::fastpath {

// Takes up to a fifth of a second, and up to three more while a link comes back after its driver was set up
// anew. kUnsupported, with what is wrong in words for an operator, when frames do not leave.
Result<void> probe_transmit(net::RouteReader& reader, const net::Link& link);

// Some drivers set their queues up anew when a program comes or goes, and the link is down for a while: waits
// for three seconds at most. kUnsupported when it stays down.
Result<net::Link> wait_until_up(net::RouteReader& reader, unsigned ifindex);

}  // namespace turnpike::fastpath
