// SPDX-License-Identifier: Apache-2.0
#include "fastpath/next_hops.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "fastpath/left_neighbours.h"

namespace turnpike::fastpath {
namespace {

constexpr size_t kPiece = 128;  // of a refresh: about a millisecond
constexpr Seconds kRetryInterval{1};

}  // namespace

NextHops::NextHops(MappedArray<tp_next_hop> slots, net::RouteReader& reader, Interfaces& interfaces,
                   Moved moved)
    : slots_(std::move(slots)),
      pool_(kUnresolved + 1, slots_.size()),
      reader_(reader),
      interfaces_(interfaces),
      moved_(std::move(moved)) {
  adopt();
}

NextHops::~NextHops() {
  if (keep_) return;
  for (const auto& [key, hop] : hops_)
    reader_.release_resolved(std::get<0>(key), std::get<1>(key));
}

void NextHops::adopt() {
  for (uint32_t slot = kUnresolved + 1; slot < slots_.size(); ++slot) {
    tp_next_hop content = slots_[slot];
    if (content.generation == 0) continue;
    pool_.adopt(slot, content.generation);
    content.generation = 0;
    old_.emplace(content, slot);
  }
}

void NextHops::finish_takeover(MonotonicTime now) {
  LeftNeighbours left;
  for (const auto& [content, slot] : old_) {
    left.add(content);
    slots_.unpublish(slot);
    pool_.give_back(slot, now);
  }
  old_.clear();
  left.release(reader_, interfaces_.links(),
               [this](unsigned ifindex, const IpAddress& address) { return uses(ifindex, address); });
  for (const uint32_t slot : withheld_)
    pool_.give_back(slot, now);
  withheld_.clear();
  adopted_.clear();
  keep_ = false;
}

uint32_t NextHops::add(uint32_t user, const IpAddress& source, const IpAddress& destination,
                       MonotonicTime now) {
  const auto [path, is_new] = paths_.try_emplace({destination, source});
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
  if (found == users_.end()) return;
  auto& [ends, path] = *found->second;
  if (is_narrowed(path) && now - path.retried >= kRetryInterval) {
    path.retried = now;
    refresh(ends, path, now);
  }
  if (!path.hop) return;
  const HopKey& key = *path.hop;
  Hop& hop = hops_.at(key);
  if (hop.content || now - hop.asked < kRetryInterval) return;
  ask(key, hop, now);
  refresh(key, hop);
}

bool NextHops::is_narrowed(const Path& path) const {
  if (!path.hop) return false;
  const auto under = underlay_of(interfaces_.links(), path.ifindex);
  return under && std::get<2>(*path.hop) < under->mtu;
}

void NextHops::ask(const HopKey& key, Hop& hop, MonotonicTime now) {
  hop.asked = now;
  reader_.keep_resolved(std::get<0>(key), std::get<1>(key));
}

NextHops::State NextHops::state(uint32_t user) const {
  const auto found = users_.find(user);
  if (found == users_.end()) return {};
  const Path& path = found->second->second;
  const auto under = underlay_of(interfaces_.links(), path.ifindex);
  State state{false, under ? under->ifindex : path.ifindex, name_of(path.ifindex), path.reason, path.remedy};
  if (!path.hop) return state;
  if (hops_.at(*path.hop).content) {
    state.resolved = true;
    return state;
  }
  const std::string& name = state.interface;
  if (!under || !under->up) {
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
  const auto& [destination, source] = ends;
  Path path;
  const auto route = reader_.route(source, destination);
  if (!route) {
    path.reason = route.error().message;
    path.remedy = "ip route add " + destination.to_string() + " via GATEWAY";
    return path;
  }
  path.ifindex = route->ifindex;
  const Links& links = interfaces_.links();
  const auto named = links.find(route->ifindex);
  if (route->local || (named != links.end() && named->second.loopback)) {
    path.reason = "local: " + destination.to_string() + " is an address of this host";
    return path;
  }
  if (route->encapsulates) {
    path.reason = "the route encapsulates";
    path.remedy = "see ip route get " + destination.to_string();
    return path;
  }
  const auto under = underlay_of(links, route->ifindex);
  if (!under) {
    path.reason = under.error().message;
    return path;
  }
  const InterfaceStatus refusal = interfaces_.refusal(links.at(under->ifindex));
  if (!refusal.reason.empty()) {
    path.reason = refusal.reason;
    path.remedy = refusal.remedy;
    return path;
  }
  const uint32_t mtu = route->mtu == 0 ? under->mtu : std::min(route->mtu, under->mtu);
  path.hop = HopKey{route->ifindex, route->next_hop, mtu};
  return path;
}

uint32_t NextHops::acquire(Path& path, MonotonicTime now) {
  if (!path.hop) return kUnresolved;
  const auto [hop, is_new] = hops_.try_emplace(*path.hop);
  if (is_new) {
    ask(hop->first, hop->second, now);
    const auto slot = slot_for(hop->first, hop->second, now);
    if (!slot) {
      ++refused_;
      hops_.erase(hop);
      path.hop.reset();
      path.reason = "the table of next hops is full";
      return kUnresolved;
    }
    hop->second.slot = *slot;
    refresh(hop->first, hop->second);
  }
  ++hop->second.paths;
  return hop->second.slot;
}

std::optional<uint32_t> NextHops::slot_for(const HopKey& key, Hop& hop, MonotonicTime now) {
  if (old_.empty()) return pool_.take(now);
  const auto content = content_of(key);
  const auto old = content ? old_.find(*content) : old_.end();
  if (old == old_.end()) return pool_.take(now);
  const uint32_t slot = old->second;
  hop.content = content;
  old_.erase(old);
  adopted_.insert(slot);
  return slot;
}

void NextHops::release(const HopKey& key, MonotonicTime now) {
  const auto hop = hops_.find(key);
  if (--hop->second.paths != 0) return;
  const uint32_t slot = hop->second.slot;
  slots_.unpublish(slot);
  if (adopted_.erase(slot) != 0)
    withheld_.push_back(slot);
  else
    pool_.give_back(slot, now);
  const auto [ifindex, address, mtu] = key;
  hops_.erase(hop);
  if (!uses(ifindex, address)) reader_.release_resolved(ifindex, address);
}

bool NextHops::uses(unsigned ifindex, const IpAddress& address) const {
  const auto hop = hops_.lower_bound({ifindex, address, 0});  // of any MTU
  return hop != hops_.end() && std::get<0>(hop->first) == ifindex && std::get<1>(hop->first) == address;
}

uint32_t NextHops::slot_of(const Path& path) const {
  return path.hop ? hops_.at(*path.hop).slot : kUnresolved;
}

std::string NextHops::name_of(unsigned ifindex) const {
  const auto link = interfaces_.links().find(ifindex);
  return link == interfaces_.links().end() ? "" : link->second.name;
}

void NextHops::reresolve(const IpAddress& destination, MonotonicTime now) {
  for (auto path = paths_.lower_bound({destination, IpAddress{}});
       path != paths_.end() && path->first.first == destination; ++path)
    refresh(path->first, path->second, now);
}

void NextHops::follow_neighbour(unsigned ifindex, const IpAddress& address) {
  for (auto hop = hops_.lower_bound({ifindex, address, 0});
       hop != hops_.end() && std::get<0>(hop->first) == ifindex && std::get<1>(hop->first) == address; ++hop)
    refresh(hop->first, hop->second);
}

void NextHops::begin_refresh() {
  interfaces_.refresh(reader_);
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
    if (!hop->second.content) ask(hop->first, hop->second, now);
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
  fresh.retried = path.retried;
  path = std::move(fresh);
  // Users leave the old slot before it is taken out of service.
  for (const uint32_t user : path.users)
    moved_(user, slot);
  if (old) release(*old, now);
}

std::optional<tp_next_hop> NextHops::content_of(const HopKey& key) {
  const auto& [ifindex, address, mtu] = key;
  const auto under = underlay_of(interfaces_.links(), ifindex);
  if (!under || !under->up) return std::nullopt;
  const auto neighbour = reader_.neighbour(ifindex, address);
  if (!neighbour) return std::nullopt;
  const net::MacAddress& source = interfaces_.links().at(ifindex).mac;  // a VLAN's may be its own
  tp_next_hop content{};
  content.ifindex = under->ifindex;
  content.mtu = mtu;
  std::copy(source.begin(), source.end(), content.source_mac);
  std::copy(neighbour->begin(), neighbour->end(), content.destination_mac);
  for (size_t i = 0; i < under->tags.size(); ++i) {
    content.vlan_protocol[i] = htons(under->tags[i].protocol);
    content.vlan_tag[i] = htons(under->tags[i].id);
  }
  return content;
}

void NextHops::refresh(const HopKey& key, Hop& hop) {
  const auto content = content_of(key);
  if (!content) {
    if (!hop.content) return;
    slots_.unpublish(hop.slot);
    hop.content.reset();
    reader_.keep_resolved(std::get<0>(key), std::get<1>(key));
    return;
  }
  if (hop.content && std::memcmp(&*hop.content, &*content, sizeof *content) == 0) return;
  hop.content = content;
  tp_next_hop entry = *content;
  entry.generation = pool_.new_generation(hop.slot);
  slots_.publish(hop.slot, entry);
}

}  // namespace turnpike::fastpath
