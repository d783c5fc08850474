// SPDX-License-Identifier: Apache-2.0
#include "net/udp_socket.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <cerrno>

#include "net/socket_address.h"
#include "net/socket_option.h"

namespace turnpike::net {

namespace {

int family_of(const Endpoint& endpoint) {
  return endpoint.address.is_v4() ? AF_INET : AF_INET6;
}

Result<UniqueFd> open_udp(int family) {
  UniqueFd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
  if (!socket) return fail_errno(errno, "UDP socket");
  return socket;
}

Result<void> bind_to(int socket, const SocketAddress& address, const Endpoint& local) {
  if (::bind(socket, &address.generic, address.length) == 0) return {};
  if (errno == EADDRINUSE)
    return fail(ErrorCode::kInUse, "expected " + local.to_string() +
                                       "/udp to be free, another process has it; `ss -lunp sport = :" +
                                       std::to_string(local.port) + "` tells which");
  if (errno == EADDRNOTAVAIL)
    return fail(ErrorCode::kInvalid, "expected an address of this host, got " + local.address.to_string() +
                                         "; `ip addr` lists them");
  return fail_errno(errno, "bind to " + local.to_string() + "/udp");
}

}  // namespace

Result<void> check_port_free(const Endpoint& local) {
  auto socket = open_udp(family_of(local));
  if (!socket) return forward(socket);
  if (!local.address.is_v4()) {
    Options options(socket->get());
    options.set(IPPROTO_IPV6, IPV6_V6ONLY, 1);
    options.set(IPPROTO_IPV6, IPV6_FREEBIND, 1);
    if (auto set = options.result(); !set) return set;
  }
  return bind_to(socket->get(), to_socket_address(local), local);
}

Result<UniqueFd> open_listening_socket(const Endpoint& local) {
  auto socket = open_udp(family_of(local));
  if (!socket) return socket;
  const int fd = socket->get();
  Options options(fd);
  options.set(SOL_SOCKET, SO_REUSEPORT, 1);
  options.set(IPPROTO_UDP, UDP_GRO, 1);
  if (local.address.is_v4()) {
    options.set(IPPROTO_IP, IP_RECVTTL, 1);
    options.set(IPPROTO_IP, IP_RECVTOS, 1);
    options.set(IPPROTO_IP, IP_TTL, kDefaultTtl);
    options.set(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  } else {
    options.set(IPPROTO_IPV6, IPV6_V6ONLY, 1);
    options.set(IPPROTO_IPV6, IPV6_FREEBIND, 1);
    options.set(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    options.set(IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    options.set(IPPROTO_IPV6, IPV6_UNICAST_HOPS, kDefaultTtl);
  }
  if (auto set = options.result(); !set) return forward(set);
  enlarge_buffers(fd);
  if (auto dropped = drop_all_input(fd); !dropped) return forward(dropped);
  if (auto bound = bind_to(fd, to_socket_address(local), local); !bound) return forward(bound);
  return socket;
}

Result<UniqueFd> open_relay_socket() {
  auto socket = open_udp(AF_INET6);
  if (!socket) return socket;
  const int fd = socket->get();
  Options options(fd);
  options.set(IPPROTO_IPV6, IPV6_V6ONLY, 0);
  options.set(IPPROTO_UDP, UDP_GRO, 1);
  options.set(IPPROTO_IP, IP_FREEBIND, 1);
  options.set(IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
  options.set(IPPROTO_IP, IP_RECVTTL, 1);
  options.set(IPPROTO_IP, IP_RECVTOS, 1);
  options.set(IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1);
  options.set(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
  options.set(IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  if (auto set = options.result(); !set) return forward(set);
  enlarge_buffers(fd);
  // An IPv6 address other than :: would make the socket refuse IPv4 (inet6_bind sets IPV6_V6ONLY); a mapped
  // one does not, and steering gives it IPv6 datagrams all the same.
  const Endpoint nowhere{kNowhereIpv4, 0};
  if (auto bound = bind_to(fd, to_socket_address(nowhere, true), nowhere); !bound) return forward(bound);
  return socket;
}

}  // namespace turnpike::net
