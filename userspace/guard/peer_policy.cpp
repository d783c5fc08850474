// SPDX-License-Identifier: Apache-2.0
#include "guard/peer_policy.h"

#include <algorithm>
#include <mutex>

#include "guard/reserved_ranges.h"
#include "util/canonical.h"

namespace turnpike::guard {

using turn::PeerVerdict;

namespace {

constexpr PeerVerdict kAllowed{true, ""};

bool any_contains(const std::vector<Prefix>& prefixes, const IpAddress& address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace

void RelayPeerPolicy::set_host_addresses(std::vector<IpAddress> addresses) {
  const std::unique_lock lock(mutex_);
  host_addresses_ = std::move(addresses);
}

PeerVerdict RelayPeerPolicy::judge(const IpAddress& peer) const {
  if (is_relay_address(peer)) return kAllowed;  // the private call; which ports, the other judge says
  return judge_readings(peer);
}

PeerVerdict RelayPeerPolicy::judge(const Endpoint& peer) const {
  if (peer.port == 0) return {false, "port 0"};
  for (const IpAddress& reading : readings(peer.address)) {
    if (is_listening({reading, peer.port})) return {false, "a listening address of this relay"};
    if (is_relay_address(reading) && !rules_.relay_ports.contains(peer.port))
      return {false, "an address of this relay, and no relay port"};
  }
  return judge(peer.address);
}

PeerVerdict RelayPeerPolicy::judge_readings(const IpAddress& peer) const {
  PeerVerdict verdict = kAllowed;
  for (const IpAddress& reading : readings(peer))
    if (verdict.allowed) verdict = judge_reading(reading);
  return verdict;
}

PeerVerdict RelayPeerPolicy::judge_reading(const IpAddress& address) const {
  if (any_contains(rules_.allow, address)) return kAllowed;
  if (any_contains(rules_.deny, address)) return {false, "denied by peers.deny"};
  if (is_host_address(address)) return {false, "an address of this host"};
  const char* reason = reserved_reason(address);
  return reason == nullptr ? kAllowed : PeerVerdict{false, reason};
}

bool RelayPeerPolicy::is_listening(const Endpoint& peer) const {
  return std::any_of(rules_.listening.begin(), rules_.listening.end(), [&](const Endpoint& listening) {
    return listening.port == peer.port &&
           (listening.address == peer.address || is_external_of(listening.address, peer.address));
  });
}

// True when peers know the interface's address `local` as `named`.
bool RelayPeerPolicy::is_external_of(const IpAddress& local, const IpAddress& named) const {
  return std::any_of(
      rules_.relay_addresses.begin(), rules_.relay_addresses.end(),
      [&](const turn::RelayAddress& relay) { return relay.local == local && relay.external == named; });
}

bool RelayPeerPolicy::is_relay_address(const IpAddress& address) const {
  return std::any_of(
      rules_.relay_addresses.begin(), rules_.relay_addresses.end(),
      [&](const turn::RelayAddress& relay) { return relay.local == address || relay.external == address; });
}

bool RelayPeerPolicy::is_host_address(const IpAddress& address) const {
  if (is_relay_address(address)) return true;
  const std::shared_lock lock(mutex_);
  return std::find(host_addresses_.begin(), host_addresses_.end(), address) != host_addresses_.end();
}

}  // namespace turnpike::guard
