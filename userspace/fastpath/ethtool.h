// SPDX-License-Identifier: Apache-2.0
//
// What ethtool tells of an interface.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace turnpike::fastpath {

// "veth", "virtio_net", …; empty when the kernel does not tell.
std::string driver_of(const std::string& interface);

// The features that are on, as bits in the kernel's order; empty when it does not tell.
std::vector<uint32_t> active_features(const std::string& interface);

// The device takes VLAN tags out of what it receives ("rxvlan", or for 802.1ad "rx-vlan-stag-hw-parse"): the
// program does not see them.
bool strips_vlan_tags(const std::string& interface);

}  // namespace turnpike::fastpath
