// SPDX-License-Identifier: Apache-2.0
//
// Limits of allocations and users; each refusal beside what must get through.
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

constexpr uint32_t kUser = 3;

// 20 bytes of data, once for each end of a hairpin: 40 of one quota.
void add_shared_quotas(Rows& rows) {
  const auto add = [&](const std::string& name, tp_reason refused, Form form, Slot slot,
                       const std::function<tp_policer&(World&)>& policer) {
    for (const bool fits : {true, false})
      rows.push_back(row_of(name + (fits ? "_fits" : "_exceeded"), fits ? TP_RELAYED_HAIRPIN : refused, form,
                            slot, {}, [=](World& world) {
                              tp_policer& shared = policer(world);
                              shared.used = 1000;
                              shared.quota = fits ? 1040 : 1039;
                            }));
  };
  for (const Form form : {kChannelData, kSend}) {
    for (const Slot slot : kPaired)
      add("quota_of_one_user", TP_DROP_USER_QUOTA, form, slot, [=](World& world) -> tp_policer& {
        world.allocations[slot].user = world.allocations[partner(slot)].user = kUser;
        return world.users[kUser].policer;
      });
    add("quota_of_one_allocation", TP_DROP_ALLOCATION_QUOTA, form, kStranger,
        [](World& world) -> tp_policer& {
          const Endpoint itself = at("203.0.113.1:50012");
          world.bind(kStranger, 0x400c, at("198.51.100.16:40000"), at("203.0.113.1:3478"), itself, itself);
          world.mark_hairpin(kStranger);
          return world.allocations[kStranger].policer;
        });
  }
}

// Everything that can be limited is, and has room.
void add_all_limits(Rows& rows) {
  const auto limit = [](tp_policer& policer) {
    policer.byte_cost = policer.packet_cost = 1000;
    policer.burst = uint64_t{1} << 50;
    policer.quota = uint64_t{1} << 50;
  };
  for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted})
    for (const Slot slot : {kV4, kV6, kAlice}) {
      if (is_hairpin(slot) && (form == kFromPeer || form == kFromPermitted)) continue;
      rows.push_back(relayed_row("all_limits", form, slot, pattern(160), {}, [=](World& world) {
        for (const uint32_t end : {uint32_t{slot}, is_hairpin(slot) ? partner(slot) : slot}) {
          world.allocations[end].user = kUser;
          limit(world.allocations[end].policer);
        }
        limit(world.users[kUser].policer);
      }));
    }
}

}  // namespace

void add_limits(Rows& rows) {
  const auto refuse = [&](const std::string& name, tp_reason allocation, tp_reason user,
                          const std::function<void(tp_policer&, tp_direction)>& change) {
    for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted})
      for (const Slot slot : {kV4, kV6, kAlice}) {
        const bool outward = form == kChannelData || form == kSend;
        if (is_hairpin(slot) && !outward) continue;
        const tp_direction ours = outward ? TP_TO_PEER : TP_TO_CLIENT;
        const tp_reason relayed = relayed_as(form, slot);
        const auto own = [=](tp_direction direction) {
          return [=](World& world) { change(world.allocations[slot].policer, direction); };
        };
        const auto users = [=](tp_direction direction, uint32_t of) {
          return [=](World& world) {
            world.allocations[of].user = kUser;
            change(world.users[kUser].policer, direction);
          };
        };
        const bool one_way = allocation == TP_DROP_ALLOCATION_RATE;
        const auto other = ours == TP_TO_PEER ? TP_TO_CLIENT : TP_TO_PEER;
        rows.push_back(row_of(name + "_allocation", allocation, form, slot, {}, own(ours)));
        rows.push_back(row_of(name + "_user", user, form, slot, {}, users(ours, slot)));
        rows.push_back(row_of(name + "_user_of_another", relayed, form, slot, {}, users(ours, kErin)));
        if (one_way) rows.push_back(row_of(name + "_other_direction", relayed, form, slot, {}, own(other)));
        if (!is_hairpin(slot)) continue;
        rows.push_back(row_of(name + "_far_allocation", allocation, form, slot, {}, [=](World& world) {
          change(world.allocations[partner(slot)].policer, TP_TO_CLIENT);
        }));
        rows.push_back(row_of(name + "_far_user", user, form, slot, {}, users(TP_TO_CLIENT, partner(slot))));
      }
  };
  refuse("byte_rate", TP_DROP_ALLOCATION_RATE, TP_DROP_USER_RATE,
         [](tp_policer& policer, tp_direction direction) {
           policer.byte_cost = 1000;
           policer.bytes_at[direction] = kFarAhead;
         });
  refuse("packet_rate", TP_DROP_ALLOCATION_RATE, TP_DROP_USER_RATE,
         [](tp_policer& policer, tp_direction direction) {
           policer.packet_cost = 1000;
           policer.packets_at[direction] = kFarAhead;
         });
  refuse("quota", TP_DROP_ALLOCATION_QUOTA, TP_DROP_USER_QUOTA, [](tp_policer& policer, tp_direction) {
    policer.quota = 1019;
    policer.used = 1000;
  });
  const auto add = [&](const std::string& name, tp_reason reason,
                       const std::function<void(tp_policer&)>& change, size_t size = 20) {
    rows.push_back(row_of(
        name, reason, kChannelData, kV4, {}, [=](World& world) { change(world.allocations[kV4].policer); },
        pattern(size)));
  };
  add("quota_exactly_used_up", TP_RELAYED_TO_PEER, [](tp_policer& policer) {
    policer.quota = 1020;
    policer.used = 1000;
  });
  add(
      "quota_used_up_empty_packet", TP_RELAYED_TO_PEER,
      [](tp_policer& policer) { policer.quota = policer.used = 1000; }, 0);
  add("no_cost_no_limit", TP_RELAYED_TO_PEER, [](tp_policer& policer) {
    policer.bytes_at[TP_TO_PEER] = policer.packets_at[TP_TO_PEER] = kFarAhead;
    policer.used = kFarAhead;
  });
  add("rate_before_quota", TP_DROP_ALLOCATION_RATE, [](tp_policer& policer) {
    policer.packet_cost = policer.quota = 1;
    policer.packets_at[TP_TO_PEER] = kFarAhead;
  });
  add_shared_quotas(rows);
  add_all_limits(rows);
}

}  // namespace turnpike::bpf_test
