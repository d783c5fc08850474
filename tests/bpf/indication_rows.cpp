// SPDX-License-Identifier: Apache-2.0
//
// Send indications that are not plain, and checksums of all forms.
#include "relay_rows.h"
#include "stun_bytes.h"

namespace turnpike::bpf_test {
namespace {

const Octets kTwenty = pattern(20);

StunAttribute peer_of(Slot slot) {
  return peer_attribute(from_abi(standard_world().bindings.at(slot).peer));
}

ChangeFrame with(const std::vector<StunAttribute>& attributes, uint8_t padding = 0) {
  return [=](Frame& in) { in.payload = stun(kSendIndication, attributes, kSomeId, padding); };
}

void add_judged_by_slow_path(Rows& rows) {
  const StunAttribute peer = peer_of(kV4), data = data_attribute(kTwenty);
  const StunAttribute software{kSoftware, pattern(5)};
  const auto add = [&](const std::string& name, const ChangeFrame& change) {
    rows.push_back(row_of(name, TP_PASS_INDICATION, kSend, kV4, change));
    rows.back().bytes = 0;
  };
  add("dont_fragment_attribute", with({peer, data, {kDontFragment, {}}}));
  add("unknown_required", with({{0x7fff, pattern(4)}, peer, data}));
  add("message_integrity", with({peer, data, {0x0008, pattern(20)}}));
  add("two_peers", with({peer, peer, data}));
  add("two_data", with({peer, data, data}));
  add("no_peer", with({data}));
  add("no_data", with({peer}));
  add("no_attributes", with({}));
  add("nine_attributes",
      with({software, software, software, software, software, software, software, peer, data}));
  add("peer_of_7_bytes", with({{kXorPeerAddress, peer.value, 7}, data}));
  add("peer_of_9_bytes", with({{kXorPeerAddress, pattern(9)}, data}));
  add("peer_empty", with({{kXorPeerAddress, {}}, data}));
  StunAttribute wrong = peer;
  wrong.value[1] = 2;
  add("ipv4_named_as_ipv6", with({wrong, data}));
  wrong = peer_of(kV6);
  wrong.value[1] = 1;
  add("ipv6_named_as_ipv4", with({wrong, data}));
  wrong.value[1] = 3;
  add("family_3", with({wrong, data}));
  add("port_zero", with({peer_attribute({address_of("192.0.2.20"), 0}), data}));
  StunAttribute mapped{kXorPeerAddress, {0, 2, 0x36, 0x62}};  // port 6000
  const Octets bits = stun(0, {});
  for (size_t i = 0; i < 16; ++i)
    mapped.value.push_back(address_of("192.0.2.20").bytes()[i] ^ bits[4 + i]);
  add("mapped_ipv6_peer", with({mapped, data}));
  add("data_beyond_message", with({peer, {kData, kTwenty, 21}}));
  add("data_far_beyond_message", with({peer, {kData, kTwenty, 0xffff}}));
  add("fingerprint_not_last", with({peer, {kFingerprint, pattern(4)}, data}));
  add("fingerprint_of_5", with({peer, data, {kFingerprint, pattern(5)}}));
  for (const int off : {-4, 4, 1, 2})
    add("length_off_by_" + std::to_string(off),
        [=](Frame& in) { in.payload[3] = static_cast<uint8_t>(in.payload[3] + off); });
  add("trailing_after_message", [](Frame& in) { put(in.payload, pattern(4)); });
  add("trailing_byte_after_message", [](Frame& in) { put(in.payload, pattern(1)); });
}

void add_no_permission(Rows& rows) {
  const auto add = [&](const std::string& name, Slot slot, const char* peer) {
    rows.push_back(row_of(name, TP_PASS_NO_PERMISSION, kSend, slot,
                          [=](Frame& in) { in.payload = send_indication(at(peer), kTwenty); }));
  };
  add("to_stranger", kV4, "192.0.2.99:6000");
  add("to_stranger", kV6, "[2001:db8:2::99]:6000");
  add("to_peer_of_another", kV4, "192.0.2.21:6000");
  add("to_another_family", kV4, "[2001:db8:2::20]:6000");
  add("to_another_family", kV6, "192.0.2.20:6000");
  rows.push_back(row_of("permission_removed", TP_PASS_NO_PERMISSION, kSend, kV4, {},
                        [](World& world) { world.remove_permission_flow(kV4); }));
}

void add_relayed_indications(Rows& rows) {
  for (const Slot slot : {kV4, kV6, kV4ToV6, kV6ToV4, kAlice, kDave}) {
    const StunAttribute peer = peer_of(slot), software{kSoftware, pattern(5)}, data = data_attribute(kTwenty);
    const auto add = [&](const std::string& name, const ChangeFrame& change) {
      rows.push_back(relayed_row(name, kSend, slot, kTwenty, change));
    };
    add("data_before_peer", with({data, peer}));
    add("software_first", with({software, peer, data}, 0x55));
    add("software_between", with({peer, software, data}, 0x55));
    add("software_last", with({peer, data, software}, 0x55));
    add("unknown_optional", with({peer, {0xc0de, {}}, data, {0xffff, pattern(3)}}));
    add("eight_attributes", with({software, software, software, software, software, software, peer, data}));
    add("fingerprint_last", with({peer, data, {kFingerprint, pattern(4)}}));
    StunAttribute reserved = peer;
    reserved.value[0] = 0xee;
    add("reserved_byte_of_address", with({reserved, data}));
    for (const size_t size : {1, 2, 3, 161})
      rows.push_back(relayed_row(
          "padding_is_no_zero_of_" + std::to_string(size), kSend, slot, pattern(size), [=](Frame& in) {
            in.payload = stun(kSendIndication, {peer, data_attribute(pattern(size))}, kSomeId, 0xa7);
          }));
  }
  for (const Slot slot : {kV4, kV6})
    rows.push_back(relayed_row("to_another_port", kSend, slot, kTwenty, [=](Frame& in) {
      Endpoint peer = from_abi(standard_world().bindings.at(slot).peer);
      peer.port = 1;
      in.payload = send_indication(peer, kTwenty);
    }));
}

// Data whose last word makes the checksum of what `frame_of` builds come out as zero.
Octets data_for_zero_check(const std::function<Frame(const Octets&)>& frame_of) {
  Octets data = pattern(20);
  data[18] = data[19] = 0;
  const uint16_t check = right_udp_check(frame_of(data));
  data[18] = static_cast<uint8_t>(check >> 8);
  data[19] = static_cast<uint8_t>(check);
  return data;
}

Frame leaving_to_peer(const World& world, Slot slot, const Octets& data) {
  Frame out;
  out.source = from_abi(world.bindings.at(slot).relayed);
  out.destination = from_abi(world.bindings.at(slot).peer);
  out.payload = data;
  return out;
}

Frame leaving_to_client(const World& world, Slot slot, const Octets& data) {
  Frame out;
  out.source = from_abi(world.bindings.at(slot).server);
  out.destination = from_abi(world.bindings.at(slot).client);
  out.payload = channel_data(static_cast<uint16_t>(0x4000 + slot), data);
  return out;
}

}  // namespace

void add_indications(Rows& rows) {
  add_judged_by_slow_path(rows);
  add_no_permission(rows);
  add_relayed_indications(rows);
}

void add_checksums(Rows& rows) {
  const World world = standard_world();
  for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted}) {
    const bool outward = form == kChannelData || form == kSend;
    const auto none = [](Frame& in) { in.udp_check = 0; };
    for (const uint16_t check : {0x0001, 0x1234, 0xfffe})
      for (const Slot slot : kOutside)
        rows.push_back(relayed_row("wrong_check_" + std::to_string(check), form, slot, pattern(20),
                                   [=](Frame& in) { in.udp_check = check; }));
    rows.push_back(relayed_row("no_checksum", form, kV4, pattern(9), none));
    rows.push_back(
        row_of("no_checksum_to_v6", TP_PASS_CHECKSUM_ZERO, form, outward ? kV4ToV6 : kV6ToV4, none));
    for (const Slot slot : kOutside)
      rows.push_back(relayed_row(
          "checksum_was_zero", form, slot,
          data_for_zero_check([&](const Octets& data) { return frame_in(form, world, slot, data); })));
    if (form == kFromPermitted) continue;  // whose transaction id nobody can choose
    for (const Slot slot : kOutside)
      rows.push_back(relayed_row(
          "checksum_becomes_zero", form, slot, data_for_zero_check([&](const Octets& data) {
            return outward ? leaving_to_peer(world, slot, data) : leaving_to_client(world, slot, data);
          })));
  }
  for (const Form form : {kChannelData, kSend}) {
    rows.push_back(relayed_row("no_checksum", form, kAlice, pattern(9), [](Frame& in) { in.udp_check = 0; }));
    rows.push_back(row_of("no_checksum_to_v6", TP_PASS_CHECKSUM_ZERO, form, kCarol,
                          [](Frame& in) { in.udp_check = 0; }));
  }
}

}  // namespace turnpike::bpf_test
