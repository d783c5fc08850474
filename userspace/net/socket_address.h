// SPDX-License-Identifier: Apache-2.0
//
// Endpoint to sockaddr and back.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "util/endpoint.h"

namespace turnpike::net {

struct SocketAddress {
  union {
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t length = 0;
};

// Of the endpoint's own family; with `mapped` IPv4 becomes ::ffff:a.b.c.d, for an AF_INET6 socket.
SocketAddress to_socket_address(const Endpoint& endpoint, bool mapped = false);
Endpoint to_endpoint(const sockaddr_in& address);
Endpoint to_endpoint(const sockaddr_in6& address);

}  // namespace turnpike::net
