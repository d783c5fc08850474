// SPDX-License-Identifier: Apache-2.0
#include "next_hop.h"

#include <chrono>
#include <thread>

#include "udp_endpoint.h"

namespace turnpike::load {
namespace {

constexpr uint16_t kDiscardPort = 9;  // RFC 863
constexpr int kNeighbourPolls = 50;
constexpr std::chrono::milliseconds kNeighbourPollInterval{20};

}  // namespace

Result<NextHop> resolve_next_hop(const IpAddress& destination) {
  const Endpoint target{destination, kDiscardPort};
  auto socket = UdpEndpoint::towards(target);
  if (!socket) return forward(socket);
  auto routes = net::RouteReader::create();
  if (!routes) return forward(routes);
  auto route = routes->route(socket->local().address, destination);
  if (!route) return forward(route);
  auto links = routes->links();
  if (!links) return forward(links);
  NextHop hop;
  hop.ifindex = route->ifindex;
  for (const net::Link& link : *links)
    if (link.ifindex == route->ifindex) hop.source_mac = link.mac;
  // A datagram towards the neighbour makes the kernel resolve it.
  auto sent = socket->send(target, {});
  if (!sent) return forward(sent);
  for (int i = 0; i < kNeighbourPolls; ++i) {
    if (auto mac = routes->neighbour(route->ifindex, route->next_hop)) {
      hop.destination_mac = *mac;
      return hop;
    }
    std::this_thread::sleep_for(kNeighbourPollInterval);
  }
  return fail(ErrorCode::kNotFound, "no answer from neighbour " + route->next_hop.to_string() +
                                        " on the way to " + destination.to_string());
}

Result<unsigned> interface_of(const IpAddress& address) {
  auto routes = net::RouteReader::create();
  if (!routes) return forward(routes);
  auto addresses = routes->addresses();
  if (!addresses) return forward(addresses);
  for (const net::LocalAddress& local : *addresses)
    if (local.address == address) return local.ifindex;
  return fail(ErrorCode::kNotFound, "no interface of this network namespace has " + address.to_string());
}

}  // namespace turnpike::load
