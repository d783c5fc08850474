// SPDX-License-Identifier: Apache-2.0
#include "flows.h"

#include <set>
#include <utility>

#include "message.h"
#include "probe.h"

namespace turnpike::load {
namespace {

// A client's wish to talk with a peer: by a channel, or by a permission alone.
struct Wish {
  unsigned client;
  Framing framing;
  uint16_t channel;
  Endpoint peer;

  Request request() const {
    if (framing == Framing::kChannel)
      return {.method = stun::Method::kChannelBind, .channel = channel, .peer = peer};
    return {.method = stun::Method::kCreatePermission, .peer = peer};
  }
};

// A permission is for an address, any port (RFC 8656 §9), so that one serves many bindings.
std::vector<Wish> without_repeated_permissions(const std::vector<Wish>& wishes) {
  std::vector<Wish> kept;
  std::set<std::pair<unsigned, IpAddress>> permissions;
  for (const Wish& wish : wishes)
    if (wish.framing == Framing::kChannel || permissions.emplace(wish.client, wish.peer.address).second)
      kept.push_back(wish);
  return kept;
}

}  // namespace

Result<Namespaces> Namespaces::open(const RelayOptions& options) {
  auto client = NetNamespace::open(options.target.client_netns);
  if (!client) return forward(client);
  auto relay = NetNamespace::open(options.relay_netns);
  if (!relay) return forward(relay);
  auto peer = NetNamespace::open(options.peer_netns);
  if (!peer) return forward(peer);
  return Namespaces{std::move(*client), std::move(*relay), std::move(*peer)};
}

Result<std::unique_ptr<Flows>> Flows::set_up(const RelayOptions& options, const Namespaces& namespaces) {
  const unsigned count = clients_needed(options);
  if (auto entered = namespaces.client.enter(); !entered) return forward(entered);
  auto clients = Clients::open(options.target, 1, count);
  if (!clients) return forward(clients);
  std::unique_ptr<Flows> flows(new Flows(options, std::move(*clients)));
  flows->bindings_ = plan_bindings(options);
  if (auto opened = flows->open_peer(namespaces.peer); !opened) return forward(opened);
  if (!options.needs_relay()) {
    flows->allocations_.resize(count);
    for (unsigned i = 0; i < count; ++i)
      flows->allocations_[i].local = flows->clients_.endpoints().at(0, i);
    return flows;
  }
  auto allocations = allocate_all(flows->clients_, flows->requester_, options.target, count);
  if (!allocations) return forward(allocations);
  flows->allocations_ = std::move(*allocations);
  if (auto bound = flows->bind(); !bound) return forward(bound);
  if (auto probed = flows->probe(); !probed) return forward(probed);
  return flows;
}

Flows::~Flows() {
  if (options_.needs_relay()) release_all(allocations_, requester_);
}

Result<void> Flows::open_peer(const NetNamespace& netns) {
  if (auto entered = netns.enter(); !entered) return entered;
  const auto last = static_cast<uint16_t>(options_.peer.port + bindings_.back().number);
  auto ports = PortSpace::open({{options_.peer.address}, options_.peer.port, last, {}, 1});
  if (!ports) return forward(ports);
  peer_ = std::move(*ports);
  return {};
}

Endpoint Flows::peer_of(const Binding& binding) const {
  if (options_.direction == Direction::kHairpin) return allocations_[binding.partner].relayed;
  return {options_.peer.address, static_cast<uint16_t>(options_.peer.port + binding.number)};
}

Framing Flows::receives() const {
  if (options_.pairs == Pairs::kAlike) return options_.framing;
  return options_.framing == Framing::kChannel ? Framing::kIndication : Framing::kChannel;
}

Result<void> Flows::bind() {
  const bool hairpin = options_.direction == Direction::kHairpin;
  std::vector<Wish> wishes;
  for (const Binding& binding : bindings_) {
    const auto channel = static_cast<uint16_t>(kFirstChannel + binding.number);
    wishes.push_back({binding.client, sends(), channel, peer_of(binding)});
    if (hairpin)
      wishes.push_back({binding.partner, receives(), channel, allocations_[binding.client].relayed});
  }
  wishes = without_repeated_permissions(wishes);
  return ask_all(requester_, options_.target, wishes.size(),
                 [&](size_t i) { return std::pair(&allocations_[wishes[i].client], wishes[i].request()); });
}

Result<void> Flows::probe() {
  const Endpoint& relay = options_.target.relay;
  Lane& client_lane = clients_.lane(0);
  Lane& peer_lane = peer_->lane(0);
  const auto from_client = [&](size_t i, Bytes data) {
    const Binding& binding = bindings_[i];
    const auto channel = static_cast<uint16_t>(kFirstChannel + binding.number);
    return ProbeDatagram{
        allocations_[binding.client].local, relay,
        sends() == Framing::kChannel ? channel_data(channel, data) : send_indication(peer_of(binding), data)};
  };
  const auto from_peer = [&](size_t i, Bytes data) {
    const Binding& binding = bindings_[i];
    return ProbeDatagram{peer_of(binding), allocations_[binding.client].relayed, {data.begin(), data.end()}};
  };
  switch (options_.direction) {
    case Direction::kToPeer:
      return probe_all("from client to peer", client_lane, peer_lane, bindings_.size(), from_client);
    case Direction::kToClient:
      return probe_all("from peer to client", peer_lane, client_lane, bindings_.size(), from_peer);
    default:
      return probe_all("between two clients", client_lane, client_lane, bindings_.size(), from_client);
  }
}

}  // namespace turnpike::load
