// SPDX-License-Identifier: Apache-2.0
#include "traffic.h"

#include <arpa/inet.h>

#include <algorithm>

#include "next_hop.h"
#include "stun/constants.h"

namespace turnpike::load {
namespace {

// Addresses and ports of a binding's datagrams where they are generated.
struct Ends {
  Endpoint source;
  Endpoint destination;
  Endpoint peer;  // that a Send indication names
};

Ends ends_of(const RelayOptions& options, const Flows& flows, const Binding& binding) {
  const Allocation& client = flows.client(binding.client);
  const Endpoint peer = flows.peer_of(binding);
  switch (options.direction) {
    case Direction::kToClient:
      return {peer, client.relayed, peer};
    case Direction::kForward:
    case Direction::kForwardFib:
      return {client.local, peer, peer};
    default:
      return {client.local, options.target.relay, peer};
  }
}

bool from_client(const RelayOptions& options) {
  return options.direction == Direction::kToPeer || options.direction == Direction::kHairpin;
}

bool to_client(const RelayOptions& options) {
  return options.direction == Direction::kToClient || options.direction == Direction::kHairpin;
}

load_form form_of(Framing framing) {
  return framing == Framing::kChannel ? LOAD_CHANNEL : LOAD_INDICATION;
}

// The index of the route between these addresses, which is added when it is new.
Result<uint16_t> route_of(const RelayOptions& options, const Ends& ends, Traffic& traffic) {
  const auto same = [&](const Route& route) {
    return route.source == ends.source.address && route.destination == ends.destination.address &&
           route.peer == ends.peer.address;
  };
  const auto found = std::ranges::find_if(traffic.routes, same);
  const auto index = static_cast<uint16_t>(found - traffic.routes.begin());
  if (found != traffic.routes.end()) return index;
  if (index == LOAD_MAX_ROUTES)
    return fail(ErrorCode::kExhausted, "the bindings go between more than " +
                                           std::to_string(LOAD_MAX_ROUTES) +
                                           " pairs of addresses: let the relay use fewer relayed addresses");
  const IpAddress& through = options.needs_relay() ? ends.destination.address : options.target.relay.address;
  auto hop = resolve_next_hop(ends.source.address, through);
  if (!hop) return forward(hop);
  if (index != 0 && hop->ifindex != traffic.generator_ifindex)
    return fail(ErrorCode::kUnsupported, "expected all frames to leave by one interface, those to " +
                                             through.to_string() + " leave by another");
  traffic.generator_ifindex = hop->ifindex;
  traffic.routes.push_back({hop->source_mac, hop->destination_mac, ends.source.address,
                            ends.destination.address, ends.peer.address});
  return index;
}

// Its selector as it stands on the wire.
uint16_t selector_of(load_form form, const Binding& binding, const Ends& ends) {
  switch (form) {
    case LOAD_CHANNEL:
      return htons(static_cast<uint16_t>(kFirstChannel + binding.number));
    case LOAD_INDICATION:
      return htons(static_cast<uint16_t>(ends.peer.port ^ stun::kMagicCookie >> 16));
    case LOAD_PLAIN:
      break;
  }
  return 0;
}

Result<void> plan_frames(const RelayOptions& options, const Namespaces& namespaces, const Flows& flows,
                         Traffic& traffic) {
  traffic.generator_netns = options.direction == Direction::kToClient ? &namespaces.peer : &namespaces.client;
  if (auto entered = traffic.generator_netns->enter(); !entered) return entered;
  traffic.form = from_client(options) ? form_of(flows.sends()) : LOAD_PLAIN;
  for (const Binding& binding : active_bindings(flows.bindings(), options.active)) {
    const Ends ends = ends_of(options, flows, binding);
    auto route = route_of(options, ends, traffic);
    if (!route) return forward(route);
    traffic.bindings.push_back({htons(ends.source.port), htons(ends.destination.port),
                                selector_of(traffic.form, binding, ends), *route});
  }
  return {};
}

Result<void> plan_sink(const RelayOptions& options, const Namespaces& namespaces, const Flows& flows,
                       Traffic& traffic) {
  const bool at_client = to_client(options);
  traffic.sink_netns = at_client ? &namespaces.client : &namespaces.peer;
  traffic.sink_form = at_client ? form_of(flows.receives()) : LOAD_PLAIN;
  traffic.sink_source_port = at_client ? options.target.relay.port : 0;
  if (auto entered = traffic.sink_netns->enter(); !entered) return entered;
  auto link = interface_of(at_client ? flows.client(0).local.address : options.peer.address);
  if (!link) return forward(link);
  traffic.sink_ifindex = link->ifindex;
  return {};
}

}  // namespace

Result<Traffic> plan_traffic(const RelayOptions& options, const Namespaces& namespaces, const Flows& flows) {
  Traffic traffic;
  traffic.mix = size_mix(options.profile, options.size);
  traffic.family = options.peer.address.family();
  if (auto planned = plan_frames(options, namespaces, flows, traffic); !planned) return forward(planned);
  if (auto planned = plan_sink(options, namespaces, flows, traffic); !planned) return forward(planned);
  return traffic;
}

}  // namespace turnpike::load
