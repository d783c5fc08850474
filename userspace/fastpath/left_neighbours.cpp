// SPDX-License-Identifier: Apache-2.0
#include "fastpath/left_neighbours.h"

#include <algorithm>

namespace turnpike::fastpath {

void LeftNeighbours::add(const tp_next_hop& hop) {
  net::MacAddress mac{};
  std::copy(std::begin(hop.destination_mac), std::end(hop.destination_mac), mac.begin());
  left_.emplace(hop.ifindex, mac);
}

void LeftNeighbours::release(net::RouteReader& reader, const Links& links,
                             const std::function<bool(unsigned, const IpAddress&)>& used) const {
  if (left_.empty()) return;
  for (const auto& kept : reader.kept_resolved()) {
    const auto under = underlay_of(links, kept.ifindex);
    if (under && left_.contains({under->ifindex, kept.mac}) && !used(kept.ifindex, kept.address))
      reader.release_resolved(kept.ifindex, kept.address);
  }
}

}  // namespace turnpike::fastpath
