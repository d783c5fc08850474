// SPDX-License-Identifier: Apache-2.0
#include "fastpath/next_hops.h"

#include <algorithm>

namespace turnpike::fastpath {
namespace {

constexpr size_t kPiece = 128;  // of a refresh: about a millisecond
constexpr Seconds kRetryInterval{1};

}  // namespace

NextHops::NextHops(MappedArray<tp_next_hop> slots, uint32_t count, net::RouteReader& reader,
                   Interfaces& interfaces, Moved moved)
    : slots_(std::move(slots)),
      pool_(kUnresolved + 1, count),
      reader_(reader),
      interfaces_(interfaces),
      moved_(std::move(moved)) {
  read_links();
}

NextHops::~NextHops() {
  for (const auto& [key, hop] : hops_)
    reader_.release_resolved(std::get<0>(key), std::get<1>(key));
}

void NextHops::read_links() {
  const auto links = reader_.links();
  if (!links) return;  // the next event reads again; until then what was known stands
  links_.clear();
  for (const net::Link& link : *links)
    links_.emplace(link.ifindex, link);
  interfaces_.update(*links);
}

uint32_t NextHops::add(uint32_t user, const IpAddress& source, const IpAddress& destination,
                       MonotonicTime now) {
  const auto [path, is_new] = paths_.try_emplace({source, destination});
  if (is_new) {
    path->second = resolve(path->first);
    acquire(path->second, now);
  }
  path->second.users.insert(user);
  users_.emplace(user, path);
  return slot_of(path->second);
}

void NextHops::remove(uint32_t user, MonotonicTime now) {
  const auto found = users_.find(user);
  if (found == users_.end()) return;
  const auto path = found->second;
  users_.erase(found);
  path->second.users.erase(user);
  if (!path->second.users.empty()) return;
  if (path->second.hop) release(*path->second.hop, now);
  paths_.erase(path);
}

void NextHops::retry(uint32_t user, MonotonicTime now) {
  const auto found = users_.find(user);
  if (found == users_.end() || !found->second->second.hop) return;
  const HopKey& key = *found->second->second.hop;
  Hop& hop = hops_.at(key);
  if (hop.mac || now - hop.asked < kRetryInterval) return;
  ask(key, hop, now);
  refresh(key, hop);
}

void NextHops::ask(const HopKey& key, Hop& hop, MonotonicTime now) {
  hop.asked = now;
  reader_.keep_resolved(std::get<0>(key), std::get<1>(key));
}

NextHops::State NextHops::state(uint32_t user) const {
  const auto found = users_.find(user);
  if (found == users_.end()) return {};
  const Path& path = found->second->second;
  State state{false, path.ifindex, name_of(path.ifindex), path.reason, path.remedy};
  if (!path.hop) return state;
  if (hops_.at(*path.hop).mac) {
    state.resolved = true;
    return state;
  }
  const std::string& name = state.interface;
  if (const auto link = links_.find(path.ifindex); link == links_.end() || !link->second.up) {
    state.reason = "interface " + name + " is down";
    state.remedy = "ip link set dev " + name + " up";
    return state;
  }
  const std::string address = std::get<1>(*path.hop).to_string();
  state.reason = "next hop " + address + " unresolved on " + name;
  state.remedy = "see whether it answers: ip neigh show to " + address + " dev " + name;
  return state;
}

NextHops::Path NextHops::resolve(const Ends& ends) {
  Path path;
  const auto route = reader_.route(ends.first, ends.second);
  if (!route) {
    path.reason = route.error().message;
    path.remedy = "ip route add " + ends.second.to_string() + " via GATEWAY";
    return path;
  }
  path.ifindex = route->ifindex;
  const auto found = links_.find(route->ifindex);
  if (route->local || (found != links_.end() && found->second.loopback)) {
    path.reason = "local: " + ends.second.to_string() + " is an address of this host";
    return path;
  }
  if (found == links_.end()) {
    path.reason = "interface " + std::to_string(route->ifindex) + " is not known yet";
    return path;
  }
  if (route->encapsulates) {
    path.reason = "the route encapsulates";
    path.remedy = "see ip route get " + ends.second.to_string();
    return path;
  }
  const net::Link& link = found->second;
  const InterfaceStatus refusal = interfaces_.refusal(link);
  if (!refusal.reason.empty()) {
    path.reason = refusal.reason;
    path.remedy = refusal.remedy;
    return path;
  }
  const uint32_t mtu = route->mtu == 0 ? link.mtu : std::min(route->mtu, link.mtu);
  path.hop = HopKey{link.ifindex, route->next_hop, mtu};
  return path;
}

uint32_t NextHops::acquire(Path& path, MonotonicTime now) {
  if (!path.hop) return kUnresolved;
  const auto [hop, is_new] = hops_.try_emplace(*path.hop);
  if (is_new) {
    const auto slot = pool_.take(now);
    if (!slot) {
      hops_.erase(hop);
      path.hop.reset();
      path.reason = "the table of next hops is full";
      return kUnresolved;
    }
    hop->second.slot = *slot;
    ask(hop->first, hop->second, now);
    refresh(hop->first, hop->second);
  }
  ++hop->second.paths;
  return hop->second.slot;
}

void NextHops::release(const HopKey& key, MonotonicTime now) {
  const auto hop = hops_.find(key);
  if (--hop->second.paths != 0) return;
  slots_.unpublish(hop->second.slot);
  pool_.give_back(hop->second.slot, now);
  const auto [ifindex, address, mtu] = key;
  hops_.erase(hop);
  const auto shared = hops_.lower_bound({ifindex, address, 0});  // the same neighbour with another MTU
  if (shared != hops_.end() && std::get<0>(shared->first) == ifindex && std::get<1>(shared->first) == address)
    return;
  reader_.release_resolved(ifindex, address);
}

uint32_t NextHops::slot_of(const Path& path) const {
  return path.hop ? hops_.at(*path.hop).slot : kUnresolved;
}

std::string NextHops::name_of(unsigned ifindex) const {
  const auto link = links_.find(ifindex);
  return link == links_.end() ? "" : link->second.name;
}

void NextHops::follow_neighbour(unsigned ifindex, const IpAddress& address) {
  for (auto hop = hops_.lower_bound({ifindex, address, 0});
       hop != hops_.end() && std::get<0>(hop->first) == ifindex && std::get<1>(hop->first) == address; ++hop)
    refresh(hop->first, hop->second);
}

void NextHops::begin_refresh() {
  read_links();
  refreshed_path_.reset();
  refreshed_hop_.reset();
}

bool NextHops::continue_refresh(MonotonicTime now) {
  size_t left = kPiece;
  auto path = refreshed_path_ ? paths_.upper_bound(*refreshed_path_) : paths_.begin();
  for (; path != paths_.end() && left > 0; ++path, --left) {
    refresh(path->first, path->second, now);
    refreshed_path_ = path->first;
  }
  if (path != paths_.end()) return true;
  auto hop = refreshed_hop_ ? hops_.upper_bound(*refreshed_hop_) : hops_.begin();
  for (; hop != hops_.end() && left > 0; ++hop, --left) {
    if (!hop->second.mac) ask(hop->first, hop->second, now);
    refresh(hop->first, hop->second);
    refreshed_hop_ = hop->first;
  }
  return hop != hops_.end();
}

void NextHops::refresh(const Ends& ends, Path& path, MonotonicTime now) {
  Path fresh = resolve(ends);
  if (fresh.hop == path.hop && path.hop) return;
  const uint32_t slot = acquire(fresh, now);
  const std::optional<HopKey> old = path.hop;
  fresh.users = std::move(path.users);
  path = std::move(fresh);
  // Users leave the old slot before it is taken out of service.
  for (const uint32_t user : path.users)
    moved_(user, slot);
  if (old) release(*old, now);
}

void NextHops::refresh(const HopKey& key, Hop& hop) {
  const auto& [ifindex, address, mtu] = key;
  const auto link = links_.find(ifindex);
  std::optional<net::MacAddress> mac;
  if (link != links_.end() && link->second.up) mac = reader_.neighbour(ifindex, address);
  if (!mac) {
    if (!hop.mac) return;
    slots_.unpublish(hop.slot);
    hop.mac.reset();
    reader_.keep_resolved(ifindex, address);
    return;
  }
  if (hop.mac == mac && hop.source_mac == link->second.mac) return;
  hop.mac = mac;
  hop.source_mac = link->second.mac;
  tp_next_hop entry{};
  entry.generation = pool_.new_generation(hop.slot);
  entry.ifindex = ifindex;
  entry.mtu = mtu;
  std::copy(hop.source_mac.begin(), hop.source_mac.end(), entry.source_mac);
  std::copy(mac->begin(), mac->end(), entry.destination_mac);
  slots_.publish(hop.slot, entry);
}

}  // namespace turnpike::fastpath
