// SPDX-License-Identifier: Apache-2.0
//
// VLANs: below a VLAN's device lies the one that really sends and receives, and that carries the program; its
// frames have the tags. Underlay tells the two apart; VlanTable keeps the map `vlans` in step, by which the
// program knows the tags that are this host's.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "bpf/abi.h"
#include "net/rtnetlink.h"
#include "util/result.h"

namespace turnpike::fastpath {

using Links = std::map<unsigned, net::Link>;  // by ifindex

struct VlanTag {
  uint16_t protocol = 0;  // 0: no tag
  uint16_t id = 0;
  auto operator<=>(const VlanTag&) const = default;
};
using VlanTags = std::array<VlanTag, 2>;  // the outer first

struct Underlay {
  unsigned ifindex = 0;  // below all VLANs; the device itself when it is none
  VlanTags tags{};
  bool up = false;   // the device and all below it
  uint32_t mtu = 0;  // the largest packet that may be redirected through all of them
};

// kUnsupported with the reason: more than two tags, or over a device that is itself made of others; kNotFound
// when `ifindex` or one below it is not among `links`.
Result<Underlay> underlay_of(const Links& links, unsigned ifindex);

// A VLAN's device stands on `ifindex`.
bool has_vlans(const Links& links, unsigned ifindex);

class VlanTable {
 public:
  // `map`: the descriptor of `vlans`, which must outlive this. What an earlier process wrote is brought up to
  // date by the first update().
  explicit VlanTable(int map) : map_(map) {}
  // Enters the VLANs that are up, and takes out all others.
  void update(const Links& links);

 private:
  struct Key {
    unsigned ifindex = 0;
    VlanTags tags{};
    auto operator<=>(const Key&) const = default;
  };
  using Entries = std::map<Key, uint32_t>;

  static Entries wanted(const Links& links);
  static tp_vlan_key to_abi(const Key& key);
  static Key from_abi(const tp_vlan_key& key);
  Entries read() const;

  int map_;
};

}  // namespace turnpike::fastpath
