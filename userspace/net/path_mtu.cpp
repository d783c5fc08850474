// SPDX-License-Identifier: Apache-2.0
#include "net/path_mtu.h"

#include <netinet/in.h>

#include <cerrno>

#include "net/socket_address.h"
#include "net/socket_option.h"
#include "util/fd.h"

namespace turnpike::net {

// A connected socket has looked up the route, and connecting by UDP sends nothing.
Result<uint32_t> path_mtu(const IpAddress& source, const IpAddress& destination) {
  constexpr uint16_t kAnyPort = 9;
  const bool v4 = destination.is_v4();
  const UniqueFd socket(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!socket) return fail_errno(errno, "UDP socket");
  const SocketAddress from = to_socket_address({source, 0});
  if (::bind(socket.get(), &from.generic, from.length) != 0)
    return fail_errno(errno, "bind to " + source.to_string());
  const SocketAddress to = to_socket_address({destination, kAnyPort});
  if (::connect(socket.get(), &to.generic, to.length) != 0)
    return fail_errno(errno, "route to " + destination.to_string());
  int mtu = 0;
  socklen_t length = sizeof mtu;
  const int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
  if (getsockopt(socket.get(), level, v4 ? IP_MTU : IPV6_MTU, &mtu, &length) != 0)
    return fail_errno(errno, "path MTU to " + destination.to_string());
  return static_cast<uint32_t>(mtu);
}

}  // namespace turnpike::net
