// SPDX-License-Identifier: Apache-2.0
//
// Tags, and sources that are kept out; each refusal beside what must get through.
#include <arpa/inet.h>

#include "relay_rows.h"
#include "stun_bytes.h"

namespace turnpike::bpf_test {
namespace {

constexpr Form kForms[] = {kChannelData, kSend, kFromPeer, kFromPermitted};
// A packet that is refused before anything is known of it.
Row unknown_row(const std::string& name, tp_reason reason, Form form, Slot slot, const ChangeFrame& change,
                const ChangeWorld& change_world = {}) {
  Row row = row_of(name, reason, form, slot, change, change_world);
  row.bytes = 0;
  return row;
}

const Tag kRed{0x8100, 5}, kBlue{0x8100, 0x0ffe}, kOuter{0x88a8, 0x0123};

ChangeFrame tagged(const std::vector<Tag>& tags) {
  return [=](Frame& in) { in.tags = tags; };
}

void hop_tags(World& world, const std::vector<Tag>& tags) {
  for (const uint32_t hop : {kClientSide, kPeerSide})
    for (size_t i = 0; i < tags.size(); ++i) {
      world.next_hops[hop].vlan_protocol[i] = htons(tags[i].protocol);
      world.next_hops[hop].vlan_tag[i] = htons(tags[i].control);
    }
}

// To the listening address that kV4 or kV6 uses, from a port that has no allocation.
Row from_stranger(const std::string& name, tp_reason reason, Slot slot, const Octets& payload,
                  const ChangeWorld& change_world = {}, const ChangeFrame& change = {}) {
  Row row = row_of(
      name, reason, kChannelData, slot,
      [&](Frame& in) {
        in.source.port ^= 1;
        in.payload = payload;
        if (change) change(in);
      },
      change_world);
  row.bytes = 0;
  return row;
}

void add_blocked(Rows& rows) {
  struct {
    const char* name;
    const char* address;
    uint32_t length;
    uint64_t expires;
    bool drops;
  } const cases[] = {
      {"exact", "198.51.100.10", 32, kNever, true},      {"prefix", "198.51.100.0", 24, kNever, true},
      {"everything_v4", "0.0.0.0", 0, kNever, true},     {"neighbour", "198.51.100.11", 32, kNever, false},
      {"expired", "198.51.100.0", 24, kPast, false},     {"v6_alone", "2001:db8::", 32, kNever, false},
      {"half_prefix", "198.51.100.0", 29, kNever, false}};
  for (const auto& each : cases)
    for (const Form form : {kChannelData, kSend}) {
      const auto block = [=](World& world) { world.block(each.address, each.length, each.expires); };
      const std::string name = std::string("blocked_") + each.name;
      rows.push_back(each.drops ? unknown_row(name, TP_DROP_BLOCKED, form, kV4, {}, block)
                                : relayed_row(name, form, kV4, pattern(20), {}, block));
    }
  const auto block_all = [](World& world) {
    world.block("0.0.0.0", 0, kNever);
    world.block("::", 0, kNever);
  };
  for (const Form form : kForms)
    for (const Slot slot : {kV4, kV6})
      rows.push_back(unknown_row("all_blocked", TP_DROP_BLOCKED, form, slot, {}, block_all));
  rows.push_back(row_of("blocked_switched_off", TP_RELAYED_TO_PEER, kChannelData, kV4, {}, [=](World& world) {
    block_all(world);
    world.control.blocked = 0;
  }));
  rows.push_back(from_stranger("blocked_stun", TP_DROP_BLOCKED, kV6, stun(kAllocateRequest, {}), block_all));
  rows.push_back(from_stranger("blocked_to_the_host", TP_PASS_NO_FLOW, kV4, pattern(30), block_all,
                               [](Frame& in) { in.destination.port = 53; }));
}

void add_sources(Rows& rows) {
  const Octets request = stun(kAllocateRequest, {});
  for (const Slot slot : {kV4, kV6}) {
    for (const Form form : kForms)
      rows.push_back(unknown_row("source_port_zero", TP_DROP_SOURCE_PORT, form, slot,
                                 [](Frame& in) { in.source.port = 0; }));
    rows.push_back(from_stranger("source_port_zero_stun", TP_DROP_SOURCE_PORT, slot, request, {},
                                 [](Frame& in) { in.source.port = 0; }));
    const auto from_ourselves = [](Frame& in) { in.source.address = in.destination.address; };
    rows.push_back(from_stranger("reflected", TP_DROP_REFLECTED, slot, request, {}, from_ourselves));
    rows.push_back(from_stranger("own_address_to_the_host", TP_PASS_STUN, slot, request, {}, [&](Frame& in) {
      from_ourselves(in);
      in.destination.port = 53;
    }));
    for (const uint8_t first : {0x80, 0xc0, 0xff, 0x00, 0x01, 0x02, 0x03}) {
      Octets junk = pattern(40);
      junk[0] = first;
      const std::string suffix = std::to_string(first);
      rows.push_back(from_stranger("junk_" + suffix, TP_DROP_NOT_TURN, slot, junk));
      rows.push_back(
          from_stranger("junk_to_relay_port_" + suffix, TP_PASS_NO_FLOW, slot, junk, {}, [](Frame& in) {
            in.destination.port = 50002;
            in.source.port ^= 0x700;
          }));
      rows.push_back(from_stranger("junk_to_the_host_" + suffix, TP_PASS_NO_FLOW, slot, junk, {},
                                   [](Frame& in) { in.destination.port = 53; }));
      junk.resize(1);
      rows.push_back(from_stranger("junk_byte_" + suffix, TP_DROP_NOT_TURN, slot, junk));
    }
    for (const uint8_t first : {0x04, 0x13, 0x14, 0x16, 0x3f, 0x40, 0x7f}) {
      Octets other = pattern(40);
      other[0] = first;
      rows.push_back(from_stranger("other_protocol_" + std::to_string(first), TP_PASS_NO_FLOW, slot, other));
    }
    rows.push_back(from_stranger("empty", TP_PASS_NO_FLOW, slot, {}));
    Octets no_cookie = request, short_stun = request;
    no_cookie[4] ^= 1;
    short_stun.pop_back();
    rows.push_back(from_stranger("stun_without_cookie", TP_DROP_NOT_TURN, slot, no_cookie));
    rows.push_back(from_stranger("stun_of_19_bytes", TP_DROP_NOT_TURN, slot, short_stun));
    rows.push_back(unknown_row("junk_from_known_client", TP_PASS_NO_FLOW, kSend, slot,
                               [](Frame& in) { in.payload = pattern(40); }));
  }
}

// A hairpin's own packets never come off the wire: who sends from the other end's address forges it.
void add_forged_hairpins(Rows& rows) {
  for (const Slot slot : {kAlice, kCarol, kErin})
    for (const Form form : {kFromPeer, kFromPermitted})
      rows.push_back(unknown_row("forged_hairpin", TP_DROP_REFLECTED, form, slot, {}));
}

void add_budgets(Rows& rows) {
  const Octets request = stun(kAllocateRequest, {});
  const auto spent = [](const char* source) {
    return [=](World& world) {
      world.control.request_cost = 16;
      world.budget(address_of(source)).requests_at = kFarAhead;
    };
  };
  const char* const v4 = "198.51.100.10";
  const char* const v6 = "2001:db8:1:0:ffff::1";  // another of the client's /64
  const auto add = [&](const std::string& name, tp_reason reason, const Octets& payload,
                       const ChangeWorld& change, Slot slot = kV4) {
    rows.push_back(from_stranger(name, reason, slot, payload, change));
  };
  add("budget_spent", TP_DROP_SOURCE_BUDGET, request, spent(v4));
  add("budget_spent_by_64", TP_DROP_SOURCE_BUDGET, request, spent(v6), kV6);
  add("budget_of_another", TP_PASS_STUN, request, spent("198.51.100.11"));
  add("budget_of_another_64", TP_PASS_STUN, request, spent("2001:db8:1:1::10"), kV6);
  add("budget_spent_indication", TP_PASS_STUN, send_indication(at("192.0.2.20:6000"), pattern(3)), spent(v4));
  add("budget_spent_response", TP_PASS_STUN, stun(kBindingSuccess, {}), spent(v4));
  add("budget_spent_dtls", TP_PASS_NO_FLOW, {22, 0xfe, 0xfd, 0}, spent(v4));
  add("budget_without_limit", TP_PASS_STUN, request, [=](World& world) {
    spent(v4)(world);
    world.control.request_cost = 0;
  });
  rows.push_back(unknown_row(
      "budget_spent_known_client", TP_PASS_STUN, kSend, kV4, [=](Frame& in) { in.payload = request; },
      spent(v4)));
  for (const Form form : {kChannelData, kSend})
    rows.push_back(row_of("budget_spent_media", relayed_as(form, kV4), form, kV4, {}, spent(v4)));
}

// Binding requests from where the stack would take none, and from or to a group's MAC address; and their
// neighbours.
void add_unanswerable(Rows& rows, const ChangeWorld& on) {
  const Octets binding = stun(kBindingRequest, {});
  const auto from = [&](const char* source, tp_reason reason) {
    const IpAddress address = address_of(source);
    rows.push_back(from_stranger(std::string("binding_from_") + source, reason, address.is_v4() ? kV4 : kV6,
                                 binding, on, [=](Frame& in) { in.source.address = address; }));
  };
  for (const char* source : {"0.0.0.0", "0.255.255.255", "127.0.0.1", "127.255.255.255", "224.0.0.1",
                             "255.255.255.255", "::", "::1", "ff00::", "ff02::1"})
    from(source, TP_PASS_STUN);
  for (const char* source :
       {"1.0.0.0", "126.0.0.1", "128.0.0.1", "223.255.255.255", "::2", "::1:0", "1::1", "fe80::1", "fe00::1"})
    from(source, TP_ANSWERED_BINDING);
  for (const Slot slot : {kV4, kV6})
    for (const Mac group : {Mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Mac{0x01, 0, 0x5e, 0, 0, 1}}) {
      const std::string name = group[0] == 0xff ? "broadcast" : "multicast";
      rows.push_back(from_stranger("binding_to_" + name, TP_PASS_STUN, slot, binding, on,
                                   [=](Frame& in) { in.destination_mac = group; }));
      rows.push_back(from_stranger("binding_from_" + name, TP_PASS_STUN, slot, binding, on,
                                   [=](Frame& in) { in.source_mac = group; }));
    }
}

void add_answers(Rows& rows) {
  const Octets binding = stun(kBindingRequest, {});
  const auto on = [](World& world) { world.control.flags = TP_CONTROL_ANSWER_BINDING; };
  const auto over = [=](World& world) {
    on(world);
    for (const char* source : {"198.51.100.10", "2001:db8:1::10"})
      world.budget(address_of(source)).bindings_at = kFarAhead;
  };
  for (const Slot slot : {kV4, kV6}) {
    rows.push_back(from_stranger("binding", TP_ANSWERED_BINDING, slot, binding, on));
    rows.push_back(from_stranger(
        "binding_tagged", TP_ANSWERED_BINDING, slot, binding,
        [=](World& world) {
          on(world);
          world.add_vlan({kRed});
        },
        tagged({kRed})));
    rows.push_back(from_stranger("binding_in_a_padded_frame", TP_ANSWERED_BINDING, slot, binding, on,
                                 [](Frame& in) { in.trailing = pattern(6); }));
    rows.push_back(from_stranger("binding_marked", TP_ANSWERED_BINDING, slot, binding, on, [](Frame& in) {
      in.traffic_class = 0xb9;
      in.ttl = 1;
      in.flow_label = 0x12345;
    }));
    rows.push_back(from_stranger("binding_switched_off", TP_PASS_STUN, slot, binding));
    rows.push_back(from_stranger("binding_over_budget", TP_PASS_STUN, slot, binding, over));
    rows.push_back(
        from_stranger("binding_over_both_budgets", TP_DROP_SOURCE_BUDGET, slot, binding, [=](World& world) {
          over(world);
          world.control.request_cost = 16;
          for (auto& [source, budget] : world.budgets)
            budget.requests_at = kFarAhead;
        }));
    rows.push_back(from_stranger("binding_with_attributes", TP_PASS_STUN, slot,
                                 stun(kBindingRequest, {{kSoftware, pattern(4)}}), on));
    rows.push_back(from_stranger("binding_with_wrong_checksum", TP_ANSWERED_BINDING, slot, binding, on,
                                 [](Frame& in) { in.udp_check = 0x1234; }));
    rows.push_back(from_stranger("binding_without_checksum",
                                 slot == kV4 ? TP_PASS_CHECKSUM_ZERO : TP_PASS_MALFORMED, slot, binding, on,
                                 [](Frame& in) { in.udp_check = 0; }));
    rows.push_back(
        from_stranger("binding_checksum_partial", TP_PASS_CHECKSUM_PARTIAL, slot, binding, on, [](Frame& in) {
          in.udp_check =
              static_cast<uint16_t>(pseudo_header_sum(in.source.address, in.destination.address, 28));
        }));
    rows.push_back(unknown_row(
        "binding_of_known_client", TP_PASS_STUN, kSend, slot, [=](Frame& in) { in.payload = binding; }, on));
    Octets longer = binding;
    longer[3] = 4;
    rows.push_back(from_stranger("binding_length_wrong", TP_PASS_STUN, slot, longer, on));
    rows.push_back(
        from_stranger("allocate_with_answers_on", TP_PASS_STUN, slot, stun(kAllocateRequest, {}), on));
    rows.push_back(from_stranger("binding_to_the_host", TP_PASS_STUN, slot, binding, on,
                                 [](Frame& in) { in.destination.port = 3479; }));
  }
  add_unanswerable(rows, on);
}

}  // namespace

void add_vlans(Rows& rows) {
  const auto ours = [](World& world) {
    world.add_vlan({kRed});
    world.add_vlan({kOuter, kBlue});
  };
  for (const Form form : kForms)
    for (const Slot slot : {kV4, kV6, kV4ToV6, kV6ToV4}) {
      const auto out = [&](const std::string& name, const std::vector<Tag>& in,
                           const std::vector<Tag>& leaving) {
        rows.push_back(relayed_row(name, form, slot, pattern(21), tagged(in), [=](World& world) {
          ours(world);
          hop_tags(world, leaving);
        }));
      };
      out("tag_in", {kRed}, {});
      out("tag_in_with_priority", {{0x8100, 0xe005}}, {});
      out("tag_out", {}, {kRed});
      out("tag_in_and_out", {kRed}, {kBlue});
      out("tags_in", {kOuter, kBlue}, {});
      out("tags_out", {}, {kOuter, kBlue});
      out("tags_in_and_out", {kOuter, kBlue}, {kOuter, kRed});
      out("priority_only", {{0x8100, 0xe000}}, {});
      out("priority_before_tag", {{0x88a8, 0x2000}, kRed}, {});
      out("two_priorities", {{0x88a8, 0x2000}, {0x8100, 0}}, {kRed});
    }
  for (const Slot slot : {kAlice, kDave})
    rows.push_back(
        relayed_row("tags_in_and_out", kSend, slot, pattern(21), tagged({kOuter, kBlue}), [=](World& world) {
          ours(world);
          hop_tags(world, {kRed});
        }));
  const auto unknown = [&](const std::string& name, const std::vector<Tag>& tags) {
    rows.push_back(unknown_row(name, TP_PASS_VLAN, kChannelData, kV4, tagged(tags), ours));
  };
  unknown("tag_unknown", {kBlue});
  unknown("tag_of_another_protocol", {{0x88a8, 5}});
  unknown("tags_swapped", {kBlue, kOuter});
  unknown("outer_alone", {kOuter});
  unknown("inner_unknown", {kOuter, kRed});
  unknown("three_tags", {kOuter, kBlue, kRed});
  unknown("three_priorities", {{0x8100, 0}, {0x8100, 0}, {0x8100, 0}});
  Row other_device =
      unknown_row("tag_of_another_device", TP_PASS_VLAN, kChannelData, kV4, tagged({kRed}), ours);
  other_device.world.vlans[0].key.ifindex++;
  rows.push_back(other_device);
  Row cut = unknown_row("cut_in_tag", TP_PASS_MALFORMED, kChannelData, kV4, tagged({kRed}), ours);
  cut.packet.resize(17);
  rows.push_back(cut);
}

void add_defence(Rows& rows) {
  add_blocked(rows);
  add_sources(rows);
  add_forged_hairpins(rows);
  add_budgets(rows);
  add_answers(rows);
}

}  // namespace turnpike::bpf_test
