// SPDX-License-Identifier: Apache-2.0
#include "fastpath/vlans.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace turnpike::fastpath {
namespace {

constexpr uint32_t kTagSize = 4;

bool is_vlan(const net::Link& link) {
  return link.kind == "vlan";
}

// The kernel redirects frames that have room for one tag beyond the device's MTU.
uint32_t redirected_mtu(const net::Link& device, size_t tags) {
  const uint32_t beyond = tags > 1 ? static_cast<uint32_t>(tags - 1) * kTagSize : 0;
  return device.mtu > beyond ? device.mtu - beyond : 0;
}

// Not a bond, a bridge and the like: the frame leaves by a device that only they choose.
bool is_port(const net::Link& link) {
  return link.kind.empty() || link.kind == "veth" || link.kind == "dummy";
}

}  // namespace

Result<Underlay> underlay_of(const Links& links, unsigned ifindex) {
  Underlay under{ifindex, {}, true, UINT32_MAX};
  size_t depth = 0;
  for (;;) {
    const auto found = links.find(under.ifindex);
    if (found == links.end())
      return fail(ErrorCode::kNotFound, "interface " + std::to_string(under.ifindex) + " is not known yet");
    const net::Link& link = found->second;
    under.up = under.up && link.up;
    under.mtu = std::min(under.mtu, redirected_mtu(link, is_vlan(link) ? 0 : depth));
    if (!is_vlan(link)) {
      if (depth > 0 && !is_port(link))
        return fail(ErrorCode::kUnsupported, links.at(ifindex).name + " is a VLAN of " + link.name +
                                                 ", which is a " + link.kind +
                                                 ": the fast path serves VLANs of plain interfaces");
      return under;
    }
    if (link.parent == 0 || link.vlan_id == 0)
      return fail(ErrorCode::kUnsupported,
                  link.name + (link.vlan_id == 0 ? " is VLAN 0" : " has its parent in another namespace"));
    if (depth == under.tags.size())
      return fail(ErrorCode::kUnsupported, links.at(ifindex).name + " has more than two VLAN tags");
    under.tags[1] = under.tags[0];  // this one is further out than those before
    under.tags[0] = {link.vlan_protocol, link.vlan_id};
    under.ifindex = link.parent;
    ++depth;
  }
}

bool has_vlans(const Links& links, unsigned ifindex) {
  return std::any_of(links.begin(), links.end(), [&](const auto& entry) {
    return is_vlan(entry.second) && entry.second.parent == ifindex;
  });
}

VlanTable::Entries VlanTable::wanted(const Links& links) {
  Entries entries;
  for (const auto& [ifindex, link] : links) {
    if (!is_vlan(link)) continue;
    const auto under = underlay_of(links, ifindex);
    if (under && under->up) entries.emplace(Key{under->ifindex, under->tags}, ifindex);
  }
  return entries;
}

tp_vlan_key VlanTable::to_abi(const Key& key) {
  tp_vlan_key abi{};
  abi.ifindex = key.ifindex;
  for (size_t i = 0; i < key.tags.size(); ++i) {
    abi.protocol[i] = htons(key.tags[i].protocol);
    abi.id[i] = htons(key.tags[i].id);
  }
  return abi;
}

VlanTable::Key VlanTable::from_abi(const tp_vlan_key& abi) {
  Key key{abi.ifindex, {}};
  for (size_t i = 0; i < key.tags.size(); ++i)
    key.tags[i] = {ntohs(abi.protocol[i]), ntohs(abi.id[i])};
  return key;
}

VlanTable::Entries VlanTable::read() const {
  Entries entries;
  tp_vlan_key key{};
  for (int more = bpf_map_get_next_key(map_, nullptr, &key); more == 0;
       more = bpf_map_get_next_key(map_, &key, &key)) {
    uint32_t ifindex = 0;
    if (bpf_map_lookup_elem(map_, &key, &ifindex) == 0) entries.emplace(from_abi(key), ifindex);
  }
  return entries;
}

void VlanTable::update(const Links& links) {
  const Entries present = read();
  const Entries needed = wanted(links);
  for (const auto& [key, ifindex] : present) {
    if (needed.contains(key)) continue;
    const tp_vlan_key abi = to_abi(key);
    (void)bpf_map_delete_elem(map_, &abi);
  }
  for (const auto& [key, ifindex] : needed) {
    const auto there = present.find(key);
    if (there != present.end() && there->second == ifindex) continue;
    const tp_vlan_key abi = to_abi(key);
    if (bpf_map_update_elem(map_, &abi, &ifindex, BPF_ANY) != 0)
      spdlog::warn("{}: its VLAN stays off the fast path: {}", links.at(ifindex).name,
                   std::generic_category().message(errno));
  }
}

}  // namespace turnpike::fastpath
