// SPDX-License-Identifier: Apache-2.0
#include "flows.h"

#include <array>

#include "next_hop.h"

namespace turnpike::load {
namespace {

constexpr uint16_t kChannel = 0x4000;
constexpr int kTrials = 5;
constexpr std::chrono::milliseconds kTrialLimit{400};
constexpr std::array<uint8_t, 5> kProbe{'p', 'r', 'o', 'b', 'e'};

bool is_probe(const std::optional<std::vector<uint8_t>>& datagram) {
  return datagram && std::equal(datagram->begin(), datagram->end(), kProbe.begin(), kProbe.end());
}

// One datagram must come through before a flow is measured; the first ones may be lost to address resolution.
template <class Send, class Receive>
Result<void> try_path(const char* what, Send send, Receive receive) {
  for (int i = 0; i < kTrials; ++i) {
    auto sent = send();
    if (!sent) return sent;
    if (is_probe(receive())) return {};
  }
  return fail(ErrorCode::kNotFound, std::string("no datagram came through ") + what +
                                        ": does the relay allow this peer, and is no firewall between?");
}

Result<void> make_clients(const Options& options, unsigned count, Flows& flows) {
  for (unsigned i = 0; i < count; ++i) {
    auto client = TurnClient::allocate(options.relay, options.credentials);
    if (!client) return forward(client);
    flows.clients.push_back(std::move(*client));
  }
  return {};
}

Result<void> bind_peer(const Options& options, const Namespaces& namespaces, Flows& flows) {
  if (auto entered = namespaces.peer.enter(); !entered) return entered;
  auto peer = UdpEndpoint::bind(options.peer);
  if (!peer) return forward(peer);
  flows.peer = std::move(*peer);
  if (auto entered = namespaces.client.enter(); !entered) return entered;
  if (auto made = make_clients(options, options.flows, flows); !made) return made;
  for (TurnClient& client : flows.clients) {
    if (auto bound = client.bind_channel(kChannel, options.peer); !bound) return bound;
    auto there = try_path(
        "from client to peer", [&] { return client.send_channel_data(kChannel, kProbe); },
        [&] { return flows.peer->receive(kTrialLimit); });
    if (!there) return there;
    auto back = try_path(
        "from peer to client", [&] { return flows.peer->send(client.relayed(), kProbe); },
        [&] { return client.receive_channel_data(kChannel, kTrialLimit); });
    if (!back) return back;
  }
  return {};
}

// Clients 2n and 2n+1 are each other's peers.
Result<void> pair_clients(const Options& options, const Namespaces& namespaces, Flows& flows) {
  if (auto entered = namespaces.client.enter(); !entered) return entered;
  if (auto made = make_clients(options, 2 * options.flows, flows); !made) return made;
  for (size_t i = 0; i < flows.clients.size(); i += 2) {
    TurnClient& first = flows.clients[i];
    TurnClient& second = flows.clients[i + 1];
    if (auto bound = first.bind_channel(kChannel, second.relayed()); !bound) return bound;
    if (auto bound = second.bind_channel(kChannel, first.relayed()); !bound) return bound;
    auto there = try_path(
        "between two clients", [&] { return first.send_channel_data(kChannel, kProbe); },
        [&] { return second.receive_channel_data(kChannel, kTrialLimit); });
    if (!there) return there;
  }
  return {};
}

FrameSpec frame_on(const NextHop& hop, const Endpoint& source, const Endpoint& destination, uint16_t size) {
  FrameSpec spec;
  spec.source_mac = hop.source_mac;
  spec.destination_mac = hop.destination_mac;
  spec.source = source;
  spec.destination = destination;
  spec.payload_size = size;
  return spec;
}

Result<void> frames_from_clients(const Options& options, const Namespaces& namespaces, size_t step,
                                 Flows& flows) {
  if (auto entered = namespaces.client.enter(); !entered) return entered;
  auto hop = resolve_next_hop(options.relay.address);
  if (!hop) return forward(hop);
  for (size_t i = 0; i < flows.clients.size(); i += step) {
    FrameSpec spec = frame_on(*hop, flows.clients[i].local(), options.relay, options.size);
    spec.channel = kChannel;
    flows.frames.push_back(spec);
  }
  flows.generator_netns = &namespaces.client;
  flows.generator_ifindex = hop->ifindex;
  return {};
}

Result<void> frames_from_peer(const Options& options, const Namespaces& namespaces, Flows& flows) {
  if (auto entered = namespaces.peer.enter(); !entered) return entered;
  auto hop = resolve_next_hop(flows.clients.front().relayed().address);
  if (!hop) return forward(hop);
  for (const TurnClient& client : flows.clients)
    flows.frames.push_back(frame_on(*hop, options.peer, client.relayed(), options.size));
  flows.generator_netns = &namespaces.peer;
  flows.generator_ifindex = hop->ifindex;
  return {};
}

Result<void> sink_at(const NetNamespace& netns, const IpAddress& address, SinkMatch match, Flows& flows) {
  if (auto entered = netns.enter(); !entered) return entered;
  auto ifindex = interface_of(address);
  if (!ifindex) return forward(ifindex);
  flows.sink_netns = &netns;
  flows.sink_ifindex = *ifindex;
  flows.sink = match;
  return {};
}

Result<void> sink_at_clients(const Options& options, const Namespaces& namespaces, Flows& flows) {
  return sink_at(namespaces.client, flows.clients.front().local().address,
                 {options.relay.port, 0, udp_length(options.size, true)}, flows);
}

Result<void> sink_at_peer(const Options& options, const Namespaces& namespaces, Flows& flows) {
  return sink_at(namespaces.peer, options.peer.address,
                 {0, options.peer.port, udp_length(options.size, false)}, flows);
}

Result<void> set_up_forward(const Options& options, const Namespaces& namespaces, Flows& flows) {
  if (auto entered = namespaces.peer.enter(); !entered) return entered;
  auto peer = UdpEndpoint::bind(options.peer);
  if (!peer) return forward(peer);
  flows.peer = std::move(*peer);
  if (auto entered = namespaces.client.enter(); !entered) return entered;
  auto hop = resolve_next_hop(options.relay.address);
  if (!hop) return forward(hop);
  auto source = UdpEndpoint::towards(options.relay);
  if (!source) return forward(source);
  flows.frames.push_back(frame_on(*hop, source->local(), options.peer, options.size));
  flows.generator_netns = &namespaces.client;
  flows.generator_ifindex = hop->ifindex;
  return sink_at_peer(options, namespaces, flows);
}

Result<void> set_up(const Options& options, const Namespaces& namespaces, Flows& flows) {
  if (options.direction == Direction::kForward) return set_up_forward(options, namespaces, flows);
  const bool hairpin = options.direction == Direction::kHairpin;
  auto made = hairpin ? pair_clients(options, namespaces, flows) : bind_peer(options, namespaces, flows);
  if (!made) return made;
  if (options.direction == Direction::kToClient) {
    if (auto built = frames_from_peer(options, namespaces, flows); !built) return built;
    return sink_at_clients(options, namespaces, flows);
  }
  if (auto built = frames_from_clients(options, namespaces, hairpin ? 2 : 1, flows); !built) return built;
  return hairpin ? sink_at_clients(options, namespaces, flows) : sink_at_peer(options, namespaces, flows);
}

}  // namespace

Result<Namespaces> Namespaces::open(const Options& options) {
  auto client = NetNamespace::open(options.client_netns);
  if (!client) return forward(client);
  auto relay = NetNamespace::open(options.relay_netns);
  if (!relay) return forward(relay);
  auto peer = NetNamespace::open(options.peer_netns);
  if (!peer) return forward(peer);
  return Namespaces{std::move(*client), std::move(*relay), std::move(*peer)};
}

Result<Flows> set_up_flows(const Options& options, const Namespaces& namespaces) {
  Flows flows;
  if (auto made = set_up(options, namespaces, flows); !made) return forward(made);
  return flows;
}

}  // namespace turnpike::load
