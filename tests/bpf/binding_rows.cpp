// SPDX-License-Identifier: Apache-2.0
//
// What passes because of its binding, its channel's framing or its way out.
#include "relay_rows.h"
#include "stun_bytes.h"

namespace turnpike::bpf_test {
namespace {

// The binding that `form` needs, for packets of the allocation in `slot`.
uint32_t binding_of(Form form, uint32_t slot) {
  return form == kSend || form == kFromPermitted ? permission_slot(slot) : slot;
}

constexpr size_t kSendOverhead = 36;  // STUN header, IPv4 XOR-PEER-ADDRESS, header of DATA

using ChangeBinding = std::function<void(World&, tp_binding&)>;

Row changed(const std::string& name, tp_reason reason, Form form, Slot slot, uint32_t binding,
            const ChangeBinding& change, const ChangeWorld& before = {}) {
  Row row = row_of(name, reason, form, slot, {}, before);
  change(row.world, row.world.bindings.at(binding));
  return row;
}

// The binding of each form is changed, then the far one of a hairpin.
void add_each(Rows& rows, const std::string& name, tp_reason reason, const ChangeBinding& change) {
  for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted}) {
    for (const Slot slot : {kV4, kV6}) {
      rows.push_back(changed(name, reason, form, slot, binding_of(form, slot), change));
      // The client's own binding is the first that shows it.
      if (form == kSend && reason == TP_PASS_ALLOCATION_EXPIRED) rows.back().bytes = 0;
    }
    if (form == kFromPeer || form == kFromPermitted) continue;
    const uint32_t far = partner(kCarol);
    rows.push_back(changed(name + "_far", reason, form, kCarol, far, change));
    rows.push_back(changed(name + "_far_permission", reason, form, kCarol, permission_slot(far), change,
                           without_channel_back(kCarol)));
  }
}

void add_client_bindings(Rows& rows) {
  const auto add = [&](const std::string& name, tp_reason reason, const ChangeBinding& change,
                       uint64_t bytes) {
    rows.push_back(changed("client_" + name, reason, kSend, kV4, client_slot(kV4), change));
    rows.back().bytes = bytes;
  };
  // Nobody knows yet that it is a client's: all of it counts as data.
  constexpr uint64_t kAll = kSendOverhead + 20;
  add(
      "generation_moved_on", TP_PASS_STALE, [](World&, tp_binding& binding) { binding.generation++; }, kAll);
  add(
      "being_written", TP_PASS_STALE, [](World&, tp_binding& binding) { binding.generation = 0; }, kAll);
  add(
      "slot_of_another", TP_PASS_STALE, [](World&, tp_binding& binding) { binding.client.port ^= 1; }, 0);
  add(
      "allocation_expired", TP_PASS_ALLOCATION_EXPIRED,
      [](World& world, tp_binding& binding) { world.allocations[binding.allocation].expires = kPast; }, 0);
}

// As if a flow's element had been given to another binding between the probe and the look at its value.
void add_recycled_elements(Rows& rows) {
  for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted})
    for (const Slot slot : {kV4, kCarol}) {
      if (slot == kCarol && (form == kFromPeer || form == kFromPermitted)) continue;
      const uint32_t own = is_hairpin(slot) ? partner(slot) : binding_of(form, slot);
      for (const uint32_t other : {uint32_t{kV6}, permission_slot(kV6), client_slot(kV6)}) {
        rows.push_back(
            row_of("element_of_" + std::to_string(other), TP_PASS_STALE, form, slot, {}, [=](World& world) {
              for (auto& [key, value] : world.flows)
                if (value.binding == own) value = {other, world.bindings[other].generation};
            }));
        // It seemed to be a client's STUN.
        if (other == client_slot(kV6) && slot == kV4 && form != kSend) rows.back().bytes = 0;
      }
    }
}

void add_channel_lengths(Rows& rows) {
  const auto add = [&](const std::string& name, Slot slot, const ChangeFrame& change) {
    rows.push_back(row_of(name, TP_PASS_CHANNEL_LENGTH, kChannelData, slot, change));
    rows.back().bytes = 0;
  };
  add("length_beyond_datagram", kV4, [](Frame& in) { in.payload[3] = 21; });
  add("four_bytes_of_padding", kV4, [](Frame& in) { in.payload[3] = 16; });
  add("length_largest", kV6, [](Frame& in) { in.payload[2] = 0xff; });
  add("header_alone", kV6, [](Frame& in) { in.payload = {0x40, 0x02, 0x00, 0x01}; });
  add("length_beyond_datagram", kAlice, [](Frame& in) { in.payload[3] = 21; });
  for (const size_t size : {0, 1, 2, 3, 4, 160, 161})
    for (const size_t padding : {1, 2, 3})
      for (const Slot slot : {kV4, kV6, kV4ToV6, kV6ToV4, kAlice, kDave})
        rows.push_back(relayed_row("of_" + std::to_string(size) + "_padded_by_" + std::to_string(padding),
                                   kChannelData, slot, pattern(size),
                                   [=](Frame& in) { put(in.payload, pattern(padding, 0xc7)); }));
}

}  // namespace

void add_bindings(Rows& rows) {
  add_client_bindings(rows);
  add_recycled_elements(rows);
  add_channel_lengths(rows);
  add_each(rows, "generation_moved_on", TP_PASS_STALE,
           [](World&, tp_binding& binding) { binding.generation++; });
  add_each(rows, "being_written", TP_PASS_STALE, [](World&, tp_binding& binding) { binding.generation = 0; });
  add_each(rows, "relayed_address_of_another", TP_PASS_STALE, [](World&, tp_binding& binding) {
    binding.relayed.port ^= 1;
    binding.server.port ^= 1;
  });
  add_each(rows, "channel_expired", TP_PASS_CHANNEL_EXPIRED,
           [](World&, tp_binding& binding) { binding.channel_expires = kPast; });
  add_each(rows, "permission_expired", TP_PASS_PERMISSION_EXPIRED,
           [](World&, tp_binding& binding) { binding.permission_expires = kPast; });
  add_each(rows, "allocation_expired", TP_PASS_ALLOCATION_EXPIRED,
           [](World& world, tp_binding& binding) { world.allocations[binding.allocation].expires = kPast; });
  add_each(rows, "allocation_gone", TP_PASS_ALLOCATION_EXPIRED,
           [](World& world, tp_binding& binding) { world.allocations[binding.allocation].expires = 0; });
  rows.push_back(row_of("flow_to_slot_beyond_map", TP_PASS_STALE, kFromPeer, kV4, {}, [](World& world) {
    for (auto& flow : world.flows)
      flow.value.binding = kSlots;
  }));
  rows.push_back(row_of("flow_to_free_slot", TP_PASS_STALE, kChannelData, kV4, {}, [](World& world) {
    world.bindings[kV4].generation = 0;
    for (auto& flow : world.flows)
      flow.value.generation = 0;
  }));
  rows.push_back(row_of("allocation_beyond_map", TP_PASS_ALLOCATION_EXPIRED, kFromPeer, kV6, {},
                        [](World& world) { world.bindings[kV6].allocation = kSlots; }));
  rows.push_back(row_of("permission_of_another_allocation", TP_PASS_NO_PERMISSION, kSend, kV4, {},
                        [](World& world) { world.bindings[permission_slot(kV4)].allocation = kV6; }));
  for (const Slot slot : kPaired)
    for (const Form form : {kChannelData, kSend})
      rows.push_back(row_of("permits_nothing_back", TP_PASS_HAIRPIN, form, slot, {}, [=](World& world) {
        without_channel_back(slot)(world);
        world.remove_permission_flow(partner(slot));
      }));
  rows.push_back(row_of("to_a_port_that_nobody_has", TP_PASS_HAIRPIN, kSend, kAlice, [](Frame& in) {
    in.payload = send_indication(at("203.0.113.1:59999"), pattern(20));
  }));
}

void add_ways_out(Rows& rows) {
  for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted})
    for (const Slot slot : {kV4, kV6, kV4ToV6, kV6ToV4, kAlice, kDave}) {
      if (is_hairpin(slot) && (form == kFromPeer || form == kFromPermitted)) continue;
      for (const uint8_t ttl : {0, 1})
        rows.push_back(
            row_of("ttl_" + std::to_string(ttl), TP_PASS_TTL, form, slot, [=](Frame& in) { in.ttl = ttl; }));
      rows.push_back(row_of("checksum_partial", TP_PASS_CHECKSUM_PARTIAL, form, slot, [](Frame& in) {
        in.udp_check = static_cast<uint16_t>(pseudo_header_sum(in.source.address, in.destination.address,
                                                               static_cast<uint16_t>(8 + in.payload.size())));
      }));
      const auto each_hop = [=](const std::function<void(tp_next_hop&)>& change) {
        return [=](World& world) {
          change(world.next_hops[kClientSide]);
          change(world.next_hops[kPeerSide]);
        };
      };
      rows.push_back(row_of("next_hop_being_written", TP_PASS_NEXT_HOP, form, slot, {},
                            each_hop([](tp_next_hop& hop) { hop.generation = 0; })));
      for (const uint32_t hop : {uint32_t{kUnresolved}, kSlots})
        rows.push_back(
            row_of("next_hop_" + std::to_string(hop), TP_PASS_NEXT_HOP, form, slot, {}, [=](World& world) {
              for (auto& [number, binding] : world.bindings)
                binding.client_next_hop = binding.peer_next_hop = hop;
            }));
    }
}

}  // namespace turnpike::bpf_test
