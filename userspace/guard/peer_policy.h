// SPDX-License-Identifier: Apache-2.0
//
// RelayPeerPolicy: which peers clients may reach through the relay. `allow` outranks `deny`, which outranks
// this host's own addresses and the reserved ranges. An IPv6 form with an IPv4 address inside must pass in
// every reading. Any thread may ask; the host's addresses, which come and go, are guarded by a mutex of
// readers, all else is constant.
#pragma once

#include <shared_mutex>
#include <vector>

#include "turn/environment.h"
#include "turn/options.h"

namespace turnpike::guard {

struct PeerRules {
  std::vector<Prefix> allow;
  std::vector<Prefix> deny;
  std::vector<IpAddress> host_addresses;  // all of this host's, at first
  std::vector<Endpoint> listening;        // of the relay
  std::vector<turn::RelayAddress> relay_addresses;
  turn::PortRange relay_ports;
};

class RelayPeerPolicy final : public turn::PeerPolicy {
 public:
  explicit RelayPeerPolicy(PeerRules rules)
      : rules_(std::move(rules)), host_addresses_(rules_.host_addresses) {}

  // The host has these now: what came later than the relay is no more a peer than the rest.
  void set_host_addresses(std::vector<IpAddress> addresses);

  turn::PeerVerdict judge(const IpAddress& peer) const override;
  // Even when `allow` names them, a listening endpoint is refused, which would be a loop, and the relay's own
  // addresses beyond the relay ports, where the relay carries nothing.
  turn::PeerVerdict judge(const Endpoint& peer) const override;

 private:
  turn::PeerVerdict judge_readings(const IpAddress& peer) const;
  turn::PeerVerdict judge_reading(const IpAddress& address) const;
  bool is_listening(const Endpoint& peer) const;
  bool is_external_of(const IpAddress& local, const IpAddress& named) const;
  bool is_relay_address(const IpAddress& address) const;
  bool is_host_address(const IpAddress& address) const;

  const PeerRules rules_;
  mutable std::shared_mutex mutex_;
  std::vector<IpAddress> host_addresses_;  // guarded by mutex_
};

}  // namespace turnpike::guard
