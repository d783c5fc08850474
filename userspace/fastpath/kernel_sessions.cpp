// SPDX-License-Identifier: Apache-2.0
#include "fastpath/kernel_sessions.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "fastpath/abi_endpoint.h"

namespace turnpike::fastpath {
namespace {

constexpr uint64_t kNever = ~uint64_t{0};

bool same_flow(const Binding& one, const Binding& other) {
  return one.five_tuple == other.five_tuple && one.relayed == other.relayed && one.peer == other.peer;
}
bool same_flow(const Permission& one, const Permission& other) {
  return one.five_tuple == other.five_tuple && one.relayed == other.relayed;
}

}  // namespace

KernelSessions::Session* KernelSessions::find(AllocationId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

Result<KernelSessions::Session*> KernelSessions::find_or_retry(AllocationId id, MonotonicTime now) {
  if (Session* const session = find(id)) return session;
  const auto refused = refused_.find(id);
  if (refused == refused_.end())
    return fail(ErrorCode::kNotFound, "allocation " + id.to_string() + " is unknown to the fast path");
  const SessionRecord record = refused->second;
  if (auto set = set_allocation(record, now); !set && find(id) == nullptr) return forward(set);
  return find(id);
}

Result<void> KernelSessions::set_allocation(const SessionRecord& record, MonotonicTime now) {
  const auto slot = allocations_.set(record, now);
  if (!slot) {
    refused_.insert_or_assign(record.id, record);
    return forward(slot);
  }
  refused_.erase(record.id);
  Session& session = sessions_[record.id];
  session.slot = *slot;
  if (session.client.slot || record.five_tuple.transport != Transport::kUdp) return {};
  const Route route{record.five_tuple, record.relayed, {}};
  return enter(session.client, route, make_entry(session, TP_BINDING_CLIENT, route), now);
}

void KernelSessions::remove_allocation(AllocationId id, MonotonicTime now) {
  refused_.erase(id);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  allocations_.stop(id);
  Session& session = found->second;
  for (auto& [channel, bound] : session.channels)
    leave(bound, now);
  for (auto& [peer, permitted] : session.permissions)
    leave(permitted, now);
  leave(session.client, now);
  sessions_.erase(found);
  allocations_.remove(id, now);
}

tp_binding KernelSessions::make_entry(const Session& session, tp_binding_kind kind,
                                      const Route& route) const {
  tp_binding entry{};
  entry.kind = kind;
  entry.channel_expires = kNever;
  entry.permission_expires = kNever;
  entry.allocation = session.slot;
  entry.client = to_abi(route.five_tuple.client);
  entry.server = to_abi(route.five_tuple.server);
  entry.relayed = to_abi(route.relayed);
  if (kind == TP_BINDING_CLIENT) return entry;
  entry.flags = control_.is_ours(route.peer.address) ? TP_BINDING_PEER_IS_RELAYED : 0;
  entry.peer = to_abi(route.peer);
  return entry;
}

Result<void> KernelSessions::enter(Entered& entered, const Route& route, const tp_binding& entry,
                                   MonotonicTime now) {
  const FiveTuple& tuple = route.five_tuple;
  if (tuple.transport != Transport::kUdp) {
    entered.refused = "the client uses " + std::string(to_string(tuple.transport)) +
                      "; the kernel relays for clients on udp";
    return fail(ErrorCode::kUnsupported, entered.refused);
  }
  const auto slot = bindings_.enter(entry, now);
  if (!slot) {
    entered.refused = slot.error().message;
    return forward(slot);
  }
  entered = {*slot, ""};
  if (entry.kind == TP_BINDING_CLIENT) return {};
  const auto lead = [&](End end, const IpAddress& from, const IpAddress& to) {
    bindings_.set_next_hop(*slot, end, next_hops_.add(user_of(*slot, end), from, to, now));
  };
  lead(End::kClient, tuple.server.address, tuple.client.address);
  lead(End::kPeer, route.relayed.address, route.peer.address);
  return {};
}

void KernelSessions::leave(Entered& entered, MonotonicTime now) {
  if (entered.slot) {
    bindings_.leave(*entered.slot, now);
    for (const End end : {End::kClient, End::kPeer})
      next_hops_.remove(user_of(*entered.slot, end), now);
  }
  entered = {};
}

void KernelSessions::retry_next_hops(uint32_t slot, MonotonicTime now) {
  for (const End end : {End::kClient, End::kPeer})
    next_hops_.retry(user_of(slot, end), now);
}

Result<void> KernelSessions::permit(const Permission& permission, MonotonicTime now) {
  const auto session = find_or_retry(permission.allocation, now);
  if (!session) return forward(session);
  Permitted& permitted = (*session)->permissions[permission.peer];
  if (permitted.slot && !same_flow(permitted.permission, permission)) leave(permitted, now);
  permitted.permission = permission;
  return settle(**session, permitted, now);
}

Result<void> KernelSessions::settle(const Session& session, Permitted& permitted, MonotonicTime now) {
  const Permission& permission = permitted.permission;
  const uint64_t expires = kernel_nanoseconds(permission.expires);
  const auto refused = std::find_if(session.channels.begin(), session.channels.end(), [&](const auto& each) {
    return !each.second.slot && each.second.binding.peer.address == permission.peer;
  });
  if (refused != session.channels.end()) {
    leave(permitted, now);
    permitted.refused = "a channel to it is not in the kernel: " + refused->second.refused;
    return {};
  }
  if (permitted.slot) {
    bindings_.set_expiries(*permitted.slot, kNever, expires);
    retry_next_hops(*permitted.slot, now);
    return {};
  }
  const Route route{permission.five_tuple, permission.relayed, {permission.peer, 0}};
  tp_binding entry = make_entry(session, TP_BINDING_PERMISSION, route);
  entry.permission_expires = expires;
  return enter(permitted, route, entry, now);
}

void KernelSessions::settle(Session& session, const IpAddress& peer, MonotonicTime now) {
  const auto found = session.permissions.find(peer);
  // A refusal is in `refused`, for why(); nobody is there to be told.
  if (found != session.permissions.end()) (void)settle(session, found->second, now);
}

void KernelSessions::forbid(AllocationId id, const IpAddress& peer, MonotonicTime now) {
  Session* const session = find(id);
  if (session == nullptr) return;
  const auto found = session->permissions.find(peer);
  if (found == session->permissions.end()) return;
  leave(found->second, now);
  session->permissions.erase(found);
}

Result<void> KernelSessions::install(const Binding& binding, MonotonicTime now) {
  const auto found = find_or_retry(binding.allocation, now);
  if (!found) return forward(found);
  Session& session = **found;
  Bound& bound = session.channels[binding.channel];
  const bool known = bound.slot && same_flow(bound.binding, binding);
  if (!known) leave(bound, now);
  bound.binding = binding;
  if (known) {
    bindings_.set_expiries(*bound.slot, kernel_nanoseconds(binding.channel_expires),
                           kernel_nanoseconds(binding.permission_expires));
    retry_next_hops(*bound.slot, now);
    return {};
  }
  const Route route{binding.five_tuple, binding.relayed, binding.peer};
  tp_binding entry = make_entry(session, TP_BINDING_CHANNEL, route);
  entry.channel = htons(binding.channel.value);
  entry.channel_expires = kernel_nanoseconds(binding.channel_expires);
  entry.permission_expires = kernel_nanoseconds(binding.permission_expires);
  auto entered = enter(bound, route, entry, now);
  settle(session, binding.peer.address, now);
  return entered;
}

void KernelSessions::remove(AllocationId id, ChannelNumber channel, MonotonicTime now) {
  Session* const session = find(id);
  if (session == nullptr) return;
  const auto found = session->channels.find(channel);
  if (found == session->channels.end()) return;
  const IpAddress peer = found->second.binding.peer.address;
  leave(found->second, now);
  session->channels.erase(found);
  settle(*session, peer, now);
}

}  // namespace turnpike::fastpath
