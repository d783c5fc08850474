// SPDX-License-Identifier: Apache-2.0
//
// KernelSessions: what of each session is in the kernel, binding by binding, and why what is not there is
// not. Guarded by XdpFastPath's mutex.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "fastpath/allocation_table.h"
#include "fastpath/binding_table.h"
#include "fastpath/interfaces.h"
#include "fastpath/next_hops.h"
#include "fastpath/relay_control.h"

namespace turnpike::fastpath {

// The user of NextHops that an end of a binding is.
inline uint32_t user_of(uint32_t slot, End end) {
  return slot * 2 + (end == End::kPeer ? 1 : 0);
}

class KernelSessions {
 public:
  // All must outlive this.
  KernelSessions(AllocationTable& allocations, BindingTable& bindings, NextHops& next_hops,
                 const RelayControl& control, const Interfaces& interfaces)
      : allocations_(allocations),
        bindings_(bindings),
        next_hops_(next_hops),
        control_(control),
        interfaces_(interfaces) {}

  // As in FastPath.
  Result<void> set_allocation(const SessionRecord& session, MonotonicTime now);
  void remove_allocation(AllocationId id, MonotonicTime now);
  Result<void> permit(const Permission& permission, MonotonicTime now);
  void forbid(AllocationId id, const IpAddress& peer, MonotonicTime now);
  Result<void> install(const Binding& binding, MonotonicTime now);
  void remove(AllocationId id, ChannelNumber channel, MonotonicTime now);
  FlowStatus why(AllocationId id, ChannelNumber channel, MonotonicTime now) const;
  FlowStatus why(AllocationId id, const IpAddress& permitted, MonotonicTime now) const;

 private:
  // A binding that is to be in the kernel: it has a slot, or `refused` says why not.
  struct Entered {
    std::optional<uint32_t> slot;
    std::string refused;
  };
  struct Permitted : Entered {
    Permission permission;
  };
  struct Bound : Entered {
    Binding binding;
  };
  struct Session {
    uint32_t slot = 0;  // in `allocations`
    Entered client;
    std::map<IpAddress, Permitted> permissions;
    std::map<ChannelNumber, Bound> channels;
  };

  // Those of `refused_` are set once more: there may be room by now.
  Result<Session*> find_or_retry(AllocationId id, MonotonicTime now);
  Session* find(AllocationId id);
  // The addresses of a binding; the peer's port is 0 for a permission, all of it for a client.
  struct Route {
    const FiveTuple& five_tuple;
    const Endpoint& relayed;
    Endpoint peer;
  };
  tp_binding make_entry(const Session& session, tp_binding_kind kind, const Route& route) const;
  Result<void> enter(Entered& entered, const Route& route, const tp_binding& entry, MonotonicTime now);
  void leave(Entered& entered, MonotonicTime now);
  void retry_next_hops(uint32_t slot, MonotonicTime now);
  // Brings a permission into the kernel, or out of it while a channel to its address is refused there.
  Result<void> settle(const Session& session, Permitted& permitted, MonotonicTime now);
  void settle(Session& session, const IpAddress& peer, MonotonicTime now);

  // What keeps all of a session from being fast; empty: nothing.
  std::string why_none(AllocationId id, MonotonicTime now) const;
  // Of packets that nothing but the interfaces could keep from being fast.
  FlowStatus status_of(uint32_t slot, const Endpoint& relayed, const Endpoint& peer) const;
  struct Obstacle {
    std::string reason, remedy;  // empty: none
  };
  // One direction: why packets that come like those of `from` and go to `to` are not fast.
  Obstacle obstacle(const NextHops::State& from, const NextHops::State& to) const;

  AllocationTable& allocations_;
  BindingTable& bindings_;
  NextHops& next_hops_;
  const RelayControl& control_;
  const Interfaces& interfaces_;
  std::unordered_map<AllocationId, Session> sessions_;
  std::unordered_map<AllocationId, SessionRecord> refused_;  // found no room in `allocations`
};

}  // namespace turnpike::fastpath
