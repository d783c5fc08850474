// SPDX-License-Identifier: Apache-2.0
//
// KernelSessions::why(): what keeps a flow from being fast.
#include "fastpath/kernel_sessions.h"

namespace turnpike::fastpath {
namespace {

FlowStatus slow(std::string reason) {
  return {false, false, std::move(reason), ""};
}

}  // namespace

std::string KernelSessions::why_none(AllocationId id, MonotonicTime now) const {
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) return "the allocation is unknown to the fast path";
  return now >= allocations_.expires(session->second.slot) ? "the allocation's time is over" : "";
}

FlowStatus KernelSessions::why(AllocationId id, ChannelNumber channel, MonotonicTime now) const {
  if (std::string reason = why_none(id, now); !reason.empty()) return slow(std::move(reason));
  const Session& session = sessions_.at(id);
  const auto found = session.channels.find(channel);
  if (found == session.channels.end()) return slow("the allocation has no such channel in the fast path");
  const Bound& bound = found->second;
  if (!bound.slot) return slow(bound.refused);
  if (now >= bound.binding.channel_expires) return slow("the channel's time is over");
  if (now >= bound.binding.permission_expires) return slow("the permission's time is over");
  return status_of(*bound.slot, bound.binding.relayed, bound.binding.peer);
}

FlowStatus KernelSessions::why(AllocationId id, const IpAddress& permitted, MonotonicTime now) const {
  if (std::string reason = why_none(id, now); !reason.empty()) return slow(std::move(reason));
  const Session& session = sessions_.at(id);
  const auto found = session.permissions.find(permitted);
  if (found == session.permissions.end()) return slow("the fast path knows of no such permission");
  const Permitted& permission = found->second;
  if (!permission.slot) return slow(permission.refused);
  if (now >= permission.permission.expires) return slow("the permission's time is over");
  FlowStatus status = status_of(*permission.slot, permission.permission.relayed, {permitted, 0});
  if (session.client.slot) return status;
  status.fast_to_peer = false;  // Send indications need the client's binding too
  if (status.reason.empty()) status.reason = session.client.refused;
  return status;
}

FlowStatus KernelSessions::status_of(uint32_t slot, const Endpoint& relayed, const Endpoint& peer) const {
  const NextHops::State client = next_hops_.state(user_of(slot, End::kClient));
  if (control_.is_ours(peer.address)) {  // both directions come from a client and go to a client
    // A permission does not say which port: each packet finds its own way.
    if (peer.port != 0 && !bindings_.has_peer_flow(relayed, peer))
      return slow("peer " + peer.to_string() +
                  " is an address of this relay, and no client there has permitted " +
                  relayed.address.to_string());
    const Obstacle obstacle = this->obstacle(client, client);
    return {obstacle.reason.empty(), obstacle.reason.empty(), obstacle.reason, obstacle.remedy};
  }
  const NextHops::State at_peer = next_hops_.state(user_of(slot, End::kPeer));
  const Obstacle to_peer = obstacle(client, at_peer);
  const Obstacle to_client = obstacle(at_peer, client);
  const Obstacle& named = to_peer.reason.empty() ? to_client : to_peer;
  return {to_peer.reason.empty(), to_client.reason.empty(), named.reason, named.remedy};
}

KernelSessions::Obstacle KernelSessions::obstacle(const NextHops::State& from,
                                                  const NextHops::State& to) const {
  if (!to.resolved) return {to.reason, to.remedy};
  if (from.ifindex == 0) return {from.reason, from.remedy};
  if (interfaces_.carries(from.ifindex)) return {};
  for (const InterfaceStatus& status : interfaces_.status())
    if (status.ifindex == from.ifindex)
      return {
          "packets come in by " + status.name + ", which does not carry the XDP program: " + status.reason,
          status.remedy};
  return {"packets come in by " + from.interface + ", which is not one of the fast path's interfaces",
          "add \"" + from.interface + "\" to [fastpath] interfaces"};
}

}  // namespace turnpike::fastpath
