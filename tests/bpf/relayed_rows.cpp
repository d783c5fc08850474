// SPDX-License-Identifier: Apache-2.0
//
// What is relayed: every pairing of families, forms and sizes.
#include "relay_rows.h"
#include "stun_bytes.h"

namespace turnpike::bpf_test {
namespace {

constexpr Form kForms[] = {kChannelData, kSend, kFromPeer, kFromPermitted};

// Of the datagram that leaves, without the data.
size_t overhead(const World& world, Form form, Slot slot, bool channel_back) {
  const bool outward = !is_hairpin(slot) && (form == kChannelData || form == kSend);
  const tp_binding& binding = world.bindings.at(is_hairpin(slot) ? partner(slot) : slot);
  const bool v4 = from_abi(outward ? binding.peer : binding.client).address.is_v4();
  const size_t headers = v4 ? 28 : 48;
  if (outward) return headers;
  const bool indication = is_hairpin(slot) ? !channel_back : form == kFromPermitted;
  if (!indication) return headers + 4;
  return headers + (from_abi(binding.peer).address.is_v4() ? 36 : 48);
}

// The largest that fits, one byte more, and the same through an MTU that is no multiple of four.
void add_mtu_edges(Rows& rows, Form form, Slot slot, bool channel_back) {
  for (const uint32_t mtu : {1500u, 1499u, 1280u, 3001u}) {
    const auto change = [=](World& world) {
      if (!channel_back) without_channel_back(slot)(world);
      for (uint32_t hop : {kClientSide, kPeerSide})
        world.next_hops[hop].mtu = mtu;
    };
    const size_t room = mtu - overhead(standard_world(), form, slot, channel_back);
    const bool indication = is_hairpin(slot) ? !channel_back : form == kFromPermitted;
    const size_t fits = indication ? room / 4 * 4 : room;
    const std::string suffix =
        "mtu_" + std::to_string(mtu) + (is_hairpin(slot) && !channel_back ? "_to_permission" : "");
    rows.push_back(relayed_row("fills_" + suffix, form, slot, pattern(fits), {}, change));
    rows.push_back(row_of("above_" + suffix, TP_PASS_MTU, form, slot, {}, change, pattern(fits + 1)));
    rows.push_back(row_of(
        "whole_above_" + suffix, TP_PASS_MTU, form, slot, [](Frame& in) { in.dont_fragment = true; }, change,
        pattern(padded(fits + 1))));
  }
}

}  // namespace

void add_pairings(Rows& rows) {
  for (const size_t size : {0, 1, 2, 3, 4, 19, 20, 160, 161, 1200}) {
    const Octets data = pattern(size);
    const std::string name = "of_" + std::to_string(size);
    for (const Form form : kForms) {
      for (const Slot slot : kOutside)
        rows.push_back(relayed_row(name, form, slot, data));
      if (form == kFromPeer || form == kFromPermitted) continue;
      for (const Slot slot : kPaired) {
        rows.push_back(relayed_row(name, form, slot, data));
        rows.push_back(
            relayed_row(name + "_to_permission", form, slot, data, {}, without_channel_back(slot)));
      }
      rows.push_back(relayed_row(name, form, kStranger, data));
    }
  }
}

void add_sizes(Rows& rows) {
  for (const Form form : kForms)
    for (const Slot slot : kOutside)
      add_mtu_edges(rows, form, slot, true);
  for (const Form form : {kChannelData, kSend})
    for (const Slot slot : kPaired)
      for (const bool channel_back : {true, false})
        add_mtu_edges(rows, form, slot, channel_back);
  // A jumbo frame, as far as a test run takes one.
  const auto jumbo = [](World& world) {
    world.next_hops[kPeerSide].mtu = world.next_hops[kClientSide].mtu = 9000;
  };
  for (const Form form : kForms)
    for (const Slot slot : kOutside)
      rows.push_back(relayed_row("jumbo", form, slot, pattern(3200), {}, jumbo));
  // From IPv6: don't-fragment by RFC 7915 §5.1 turns at 1260 bytes of IPv4 packet.
  for (const size_t size : {1196, 1197, 1228, 1229, 1232, 1233, 1400})
    for (const Slot slot : {kV4ToV6, kV6ToV4, kDave})
      for (const Form form : kForms)
        if (slot != kDave || form == kChannelData || form == kSend)
          rows.push_back(relayed_row("edge_" + std::to_string(size), form, slot, pattern(size)));
  for (const size_t trailing : {1, 2, 18, 46})
    for (const Form form : kForms)
      for (const Slot slot : {kV4, kV6, kAlice}) {
        if (slot == kAlice && (form == kFromPeer || form == kFromPermitted)) continue;
        const auto pad = [=](Frame& in) { in.trailing = pattern(trailing, 0xb1); };
        for (const size_t size : {0, 1, 6})
          rows.push_back(
              relayed_row("runt_of_" + std::to_string(size) + "_padded_by_" + std::to_string(trailing), form,
                          slot, pattern(size), pad));
      }
}

void add_header_fields(Rows& rows) {
  for (const Form form : kForms) {
    for (const Slot slot : {kV4, kV6, kV4ToV6, kV6ToV4, kAlice, kDave}) {
      if (is_hairpin(slot) && (form == kFromPeer || form == kFromPermitted)) continue;
      for (const int bits : {0x01, 0x02, 0x03, 0xb8, 0xba, 0xff})
        rows.push_back(relayed_row("traffic_class_" + std::to_string(bits), form, slot, pattern(9),
                                   [=](Frame& in) { in.traffic_class = static_cast<uint8_t>(bits); }));
      for (const int ttl : {2, 3, 128, 255}) {
        const bool dies = is_hairpin(slot) && ttl == 2;
        rows.push_back(row_of(
            "ttl_" + std::to_string(ttl), dies ? TP_PASS_TTL : relayed_as(form, slot), form, slot,
            [=](Frame& in) { in.ttl = static_cast<uint8_t>(ttl); }, {}, pattern(9)));
      }
      rows.push_back(relayed_row("dont_fragment", form, slot, pattern(9), [](Frame& in) {
        in.dont_fragment = true;
        in.id = 0xbeef;
      }));
      rows.push_back(relayed_row("may_fragment", form, slot, pattern(9), [](Frame& in) { in.id = 0xbeef; }));
      rows.push_back(
          relayed_row("flow_label", form, slot, pattern(9), [](Frame& in) { in.flow_label = 0xfedcb; }));
    }
  }
}

// What a peer sends is data whatever it looks like, and so is what a client sends inside its framing.
void add_translations(Rows& rows) {
  const Octets check = stun(kBindingRequest, {{0x0006, pattern(9)}});
  const Octets send = send_indication(at("192.0.2.20:6000"), pattern(8));
  for (const Form form : kForms) {
    for (const Slot slot : {kV4, kV6}) {
      rows.push_back(relayed_row("ice_check", form, slot, check));
      rows.push_back(relayed_row("looks_like_send", form, slot, send));
      rows.push_back(relayed_row("looks_like_channel_data", form, slot, channel_data(0x4001, pattern(8))));
      rows.push_back(relayed_row("begins_with_01", form, slot, {0x7f, 0xff, 0x00}));
      rows.push_back(relayed_row("begins_with_11", form, slot, {0xff, 0xff, 0x00}));
    }
  }
  // 1:1 NAT: clients name the external address, and Data indications tell it.
  const auto translated = [](World& world) {
    world.translate("203.0.113.1", "100.64.0.1");
    world.translate("2001:db8::1", "2001:db8:ffff::1");
  };
  for (const Slot slot : {kAlice, kCarol, kDave, kErin}) {
    for (const Form form : {kChannelData, kSend}) {
      rows.push_back(relayed_row("translated", form, slot, pattern(30), {}, translated));
      rows.push_back(relayed_row("translated_to_permission", form, slot, pattern(30), {}, [=](World& world) {
        translated(world);
        without_channel_back(slot)(world);
      }));
    }
    // Not translated when there are said to be none: then nobody permitted that address.
    rows.push_back(
        row_of("translations_switched_off", TP_PASS_NO_PERMISSION, kSend, slot, {}, [=](World& world) {
          translated(world);
          world.control.translations = 0;
        }));
  }
  for (const Form form : kForms)
    for (const Slot slot : kOutside)
      rows.push_back(relayed_row("outside_with_translations", form, slot, pattern(30), {}, translated));
  // A peer whose address is an external one of another pair's local side stays what it is in the headers.
  const auto peer_translated = [](World& world) { world.translate("192.0.2.20", "100.64.0.2"); };
  rows.push_back(relayed_row("peer_itself_translated", kSend, kV4, pattern(5), {}, peer_translated));
  rows.push_back(relayed_row("peer_itself_translated", kFromPermitted, kV4, pattern(5), {}, peer_translated));
}

}  // namespace turnpike::bpf_test
