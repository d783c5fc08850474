// SPDX-License-Identifier: Apache-2.0
#include "guard.h"

#include <algorithm>

namespace turnpike::bpf_test {
namespace {

bool covers(const tp_prefix& prefix, const IpAddress& address) {
  for (uint32_t bit = 0; bit < prefix.length; ++bit)
    if ((prefix.address[bit / 8] ^ address.bytes()[bit / 8]) >> (7 - bit % 8) & 1) return false;
  return true;
}

// The longest prefix decides, even when its time is over.
bool is_blocked(const World& world, const IpAddress& source) {
  const World::Block* longest = nullptr;
  for (const World::Block& block : world.blocked)
    if (covers(block.prefix, source) && (!longest || block.prefix.length > longest->prefix.length))
      longest = &block;
  return world.control.blocked != 0 && longest && longest->value.expires > kPast;
}

bool overdrawn(const World& world, const IpAddress& source, __u64 tp_budget::*bucket) {
  const auto budget = world.budgets.find(budget_source(source));
  return budget != world.budgets.end() && budget->second.*bucket >= kFarAhead;
}

bool is_turn(const Octets& payload) {
  if (payload.empty()) return true;
  return payload[0] > 3 ? payload[0] < 0x80 : is_stun(payload);
}

bool is_bare_binding_request(const Octets& payload) {
  return payload.size() == 20 && stun_type(payload) == kBindingRequest && payload[2] == 0 && payload[3] == 0;
}

// Nothing is answered to groups, nor to who cannot be on the wire.
bool can_be_answered(const Frame& in) {
  if ((in.source_mac[0] | in.destination_mac[0]) & 1) return false;
  const IpAddress& source = in.source.address;
  const uint8_t first = source.bytes()[source.is_v4() ? 12 : 0];
  if (source.is_v4()) return first >= 1 && first <= 223 && first != 127;
  return first != 255 && source != address_of("::") && source != address_of("::1");
}

bool over_rate(const tp_policer& policer, tp_direction direction) {
  return (policer.byte_cost != 0 && policer.bytes_at[direction] >= kFarAhead) ||
         (policer.packet_cost != 0 && policer.packets_at[direction] >= kFarAhead);
}

bool over_quota(const tp_policer& policer, size_t bytes) {
  return policer.quota != 0 && policer.used + bytes > policer.quota;
}

}  // namespace

tp_reason guard_source(const World& world, const Frame& in) {
  const IpAddress& source = in.source.address;
  if (!world.steer.contains(in.destination)) return in.source.port == 0 ? TP_PASS_MALFORMED : kNoReason;
  if (is_blocked(world, source)) return TP_DROP_BLOCKED;
  if (in.source.port == 0) return TP_DROP_SOURCE_PORT;
  const auto& own = world.own_addresses;
  return std::find(own.begin(), own.end(), source) != own.end() ? TP_DROP_REFLECTED : kNoReason;
}

tp_reason guard_listening(const World& world, const Frame& in, tp_reason reason, tp_reason checksum) {
  const auto port = world.steer.find(in.destination);
  if (port == world.steer.end() || port->second != TP_STEER_LISTENING) return reason;
  // A known client's own messages are the slow path's.
  if (find_flow(world, in.source, in.destination, 0) != nullptr) return reason;
  if (!is_turn(in.payload)) return TP_DROP_NOT_TURN;
  if (reason != TP_PASS_STUN || (stun_type(in.payload) & 0x0110) != 0) return reason;
  const IpAddress& source = in.source.address;
  if (world.control.flags & TP_CONTROL_ANSWER_BINDING && is_bare_binding_request(in.payload)) {
    if (checksum != kNoReason)
      reason = checksum;
    else if (!overdrawn(world, source, &tp_budget::bindings_at) && can_be_answered(in))
      return TP_ANSWERED_BINDING;
  }
  const bool over = overdrawn(world, source, &tp_budget::requests_at);
  return world.control.request_cost != 0 && over ? TP_DROP_SOURCE_BUDGET : reason;
}

tp_reason guard_limits(const World& world, const Journey& journey, uint32_t& refusing) {
  static constexpr tp_policer kUnlimited{};
  const size_t bytes = journey.data.size();
  std::map<uint32_t, size_t> used_by_allocation, used_by_user;
  for (const Charge& charge : journey.charges) {
    const tp_allocation& allocation = world.allocations.at(charge.allocation);
    const auto user = world.users.find(allocation.user);
    const tp_policer& users =
        allocation.user != 0 && user != world.users.end() ? user->second.policer : kUnlimited;
    refusing = charge.allocation;
    if (over_rate(allocation.policer, charge.direction)) return TP_DROP_ALLOCATION_RATE;
    if (over_rate(users, charge.direction)) return TP_DROP_USER_RATE;
    if (over_quota(allocation.policer, used_by_allocation[charge.allocation] += bytes))
      return TP_DROP_ALLOCATION_QUOTA;
    if (over_quota(users, used_by_user[allocation.user] += bytes)) return TP_DROP_USER_QUOTA;
  }
  return kNoReason;
}

}  // namespace turnpike::bpf_test
