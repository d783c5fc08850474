// SPDX-License-Identifier: Apache-2.0
#include "next_hop.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "net/socket_address.h"
#include "util/fd.h"

namespace turnpike::load {
namespace {

constexpr uint16_t kDiscardPort = 9;  // RFC 863
constexpr int kNeighbourPolls = 50;
constexpr std::chrono::milliseconds kNeighbourPollInterval{20};

Result<UniqueFd> udp_socket(const IpAddress& address) {
  UniqueFd fd(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "UDP socket");
  return fd;
}

// A datagram towards the neighbour makes the kernel resolve it.
Result<void> send_empty(const IpAddress& source, const IpAddress& destination) {
  auto socket = udp_socket(source);
  if (!socket) return forward(socket);
  const net::SocketAddress from = net::to_socket_address({source, 0});
  if (::bind(socket->get(), &from.generic, from.length) != 0)
    return fail_errno(errno, "binding to " + source.to_string() + " (is it an address of this host?)");
  const net::SocketAddress to = net::to_socket_address({destination, kDiscardPort});
  if (::sendto(socket->get(), nullptr, 0, 0, &to.generic, to.length) < 0)
    return fail_errno(errno, "sending to " + destination.to_string());
  return {};
}

}  // namespace

Result<NextHop> resolve_next_hop(const IpAddress& source, const IpAddress& destination) {
  auto routes = net::RouteReader::create();
  if (!routes) return forward(routes);
  auto route = routes->route(source, destination);
  if (!route) return forward(route);
  auto link = routes->link(route->ifindex);
  if (!link) return forward(link);
  if (route->local || !link->ethernet)
    return fail(ErrorCode::kInvalid, "expected " + destination.to_string() +
                                         " to be reached by an Ethernet interface, it is by " + link->name +
                                         ": the relay must run on another host or network namespace");
  if (auto sent = send_empty(source, destination); !sent) return forward(sent);
  for (int i = 0; i < kNeighbourPolls; ++i) {
    if (auto mac = routes->neighbour(route->ifindex, route->next_hop))
      return NextHop{route->ifindex, link->mac, *mac};
    std::this_thread::sleep_for(kNeighbourPollInterval);
  }
  return fail(ErrorCode::kNotFound, "no answer from neighbour " + route->next_hop.to_string() +
                                        " on the way to " + destination.to_string());
}

Result<IpAddress> source_towards(const Endpoint& remote) {
  auto socket = udp_socket(remote.address);
  if (!socket) return forward(socket);
  net::SocketAddress address = net::to_socket_address(remote);
  if (::connect(socket->get(), &address.generic, address.length) != 0)
    return fail_errno(errno, "no route to " + remote.to_string());
  if (::getsockname(socket->get(), &address.generic, &address.length) != 0)
    return fail_errno(errno, "getsockname");
  return (remote.address.is_v4() ? net::to_endpoint(address.v4) : net::to_endpoint(address.v6)).address;
}

Result<net::Link> interface_of(const IpAddress& address) {
  auto routes = net::RouteReader::create();
  if (!routes) return forward(routes);
  auto addresses = routes->addresses();
  if (!addresses) return forward(addresses);
  for (const net::LocalAddress& local : *addresses)
    if (local.address == address) return routes->link(local.ifindex);
  return fail(ErrorCode::kNotFound, "no interface of this network namespace has " + address.to_string());
}

}  // namespace turnpike::load
