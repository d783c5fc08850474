// SPDX-License-Identifier: Apache-2.0
//
// LeftNeighbours: those that an earlier process asked the kernel to keep resolved and that nobody uses now;
// it would probe them for ever. The process left no list of them: they are known by what its next hops say.
#pragma once

#include <functional>
#include <set>
#include <utility>

#include "bpf/abi.h"
#include "fastpath/vlans.h"
#include "net/rtnetlink.h"

namespace turnpike::fastpath {

class LeftNeighbours {
 public:
  // A slot of the earlier process, published.
  void add(const tp_next_hop& hop);
  // Gives them back to the kernel's ageing, without those that are `used` on the interface that is theirs.
  void release(net::RouteReader& reader, const Links& links,
               const std::function<bool(unsigned ifindex, const IpAddress& address)>& used) const;

 private:
  std::set<std::pair<unsigned, net::MacAddress>> left_;  // the device below all VLANs, whom it sent to
};

}  // namespace turnpike::fastpath
