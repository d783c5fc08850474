// SPDX-License-Identifier: Apache-2.0
//
// HostAddressWatch: keeps the peer policy's list of this host's addresses. An address that the host gets
// later must be refused as a peer like those that it had. Control thread only.
#pragma once

#include <memory>

#include "guard/peer_policy.h"
#include "net/event_loop.h"
#include "net/rtnetlink.h"
#include "util/result.h"

namespace turnpike::app {

class HostAddressWatch {
 public:
  // Both outlive it.
  static Result<std::unique_ptr<HostAddressWatch>> create(net::EventLoop& loop,
                                                          guard::RelayPeerPolicy& policy);
  HostAddressWatch(const HostAddressWatch&) = delete;
  HostAddressWatch& operator=(const HostAddressWatch&) = delete;
  ~HostAddressWatch() { loop_.remove(monitor_.fd()); }

 private:
  HostAddressWatch(net::EventLoop& loop, guard::RelayPeerPolicy& policy, net::RouteReader reader,
                   net::RouteMonitor monitor)
      : loop_(loop), policy_(policy), reader_(std::move(reader)), monitor_(std::move(monitor)) {}
  void read();

  net::EventLoop& loop_;
  guard::RelayPeerPolicy& policy_;
  net::RouteReader reader_;
  net::RouteMonitor monitor_;
};

}  // namespace turnpike::app
