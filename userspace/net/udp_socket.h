// SPDX-License-Identifier: Apache-2.0
//
// The two kinds of UDP socket of a worker. Both are non-blocking, report TTL and traffic class of what they
// receive, ask for large buffers, and let the kernel join datagrams that follow each other (UDP_GRO), which
// ReceiveBatch takes apart again.
#pragma once

#include "util/endpoint.h"
#include "util/fd.h"
#include "util/result.h"

namespace turnpike::net {

// kInUse when another socket has `local`: binding with SO_REUSEPORT alone would share the port with another
// relay of the same user and take half its clients. kInvalid when an IPv4 address is not this host's; IPv6
// may be bound before duplicate address detection is through, so its presence is for the caller to check.
Result<void> check_port_free(const Endpoint& local);

// Bound to `local` in a SO_REUSEPORT group, one socket a worker; answers sent by it have `local` as source.
// It receives nothing before accept_input() (socket_option.h): who gets a datagram is for steering to say.
// IPv4 is sent without don't-fragment and fragmented at the interface's MTU (see raw_egress.h).
Result<UniqueFd> open_listening_socket(const Endpoint& local);

// Takes both families by steering alone (fastpath/steering.h): it is bound to an address to which nothing is
// routed. Each datagram reports its original destination.
Result<UniqueFd> open_relay_socket();

}  // namespace turnpike::net
