// SPDX-License-Identifier: Apache-2.0
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

using Change = std::function<void(Frame&)>;

Change nothing() {
  return [](Frame&) {};
}

Row client_row(const std::string& name, uint32_t slot, const Octets& data, const Octets& padding = {},
               const Change& change = nothing()) {
  Row row{name, {}, TP_RELAYED_TO_PEER, {}, data.size()};
  Frame in = from_client(row.world, slot, data, padding);
  change(in);
  row.packet = to_bytes(in);
  row.output = to_bytes(to_peer(row.world, slot, in, data));
  return row;
}

Row peer_row(const std::string& name, uint32_t slot, const Octets& data, const Change& change = nothing()) {
  Row row{name, {}, TP_RELAYED_TO_CLIENT, {}, data.size()};
  Frame in = from_peer(row.world, slot, data);
  change(in);
  row.packet = to_bytes(in);
  row.output = to_bytes(to_client(row.world, slot, in, data));
  return row;
}

Row hairpin_row(const std::string& name, uint32_t from, uint32_t to, const Octets& data,
                const Octets& padding = {}, const Change& change = nothing()) {
  Row row{name, {}, TP_RELAYED_HAIRPIN, {}, data.size()};
  Frame in = from_client(row.world, from, data, padding);
  change(in);
  row.packet = to_bytes(in);
  row.output = to_bytes(to_client(row.world, to, in, data, 2));
  return row;
}

// From an IPv6 packet comes an IPv4 one with what RFC 7915 §5.1 says of its fragmentation.
void as_from_ipv6(Row& row, Frame out, uint16_t in_check, bool dont_fragment) {
  out.dont_fragment = dont_fragment;
  out.id = in_check;
  row.output = to_bytes(out);
}

void add_sizes(std::vector<Row>& rows) {
  for (size_t size : {0, 1, 2, 3, 4, 19, 20, 160, 161, 1200}) {
    const Octets data = pattern(size);
    const std::string suffix = "_of_" + std::to_string(size);
    rows.push_back(client_row("client_v4" + suffix, kV4, data));
    rows.push_back(client_row("client_v6" + suffix, kV6, data));
    rows.push_back(peer_row("peer_v4" + suffix, kV4, data));
    rows.push_back(peer_row("peer_v6" + suffix, kV6, data));
    rows.push_back(client_row("client_v4_to_v6" + suffix, kV4ToV6, data));
    rows.push_back(peer_row("peer_v4_to_v6" + suffix, kV6ToV4, data));
    rows.push_back(hairpin_row("hairpin_v4" + suffix, kAlice, kBob, data));
    rows.push_back(hairpin_row("hairpin_back" + suffix, kBob, kAlice, data));
    rows.push_back(hairpin_row("hairpin_v4_to_v6" + suffix, kCarol, kDave, data));
  }
  // As large as the outgoing MTU of 1500 lets pass.
  rows.push_back(client_row("client_v4_fills_mtu", kV4, pattern(1500 - 28)));
  rows.push_back(client_row("client_v6_fills_mtu", kV6, pattern(1500 - 48)));
  rows.push_back(client_row("client_v4_to_v6_fills_mtu", kV4ToV6, pattern(1500 - 48)));
  rows.push_back(peer_row("peer_v4_fills_mtu", kV4, pattern(1500 - 32)));
  rows.push_back(peer_row("peer_v6_fills_mtu", kV6, pattern(1500 - 52)));
  rows.push_back(hairpin_row("hairpin_fills_mtu", kAlice, kBob, pattern(1500 - 32)));
}

void add_from_ipv6(std::vector<Row>& rows) {
  for (size_t size : {0, 1, 160, 1232, 1233, 1400}) {
    const Octets data = pattern(size);
    const std::string suffix = "_of_" + std::to_string(size);
    Row client = client_row("client_v6_to_v4" + suffix, kV6ToV4, data);
    Frame in = from_client(client.world, kV6ToV4, data);
    as_from_ipv6(client, to_peer(client.world, kV6ToV4, in, data), right_udp_check(in), 28 + size > 1260);
    rows.push_back(client);
    Row peer = peer_row("peer_v6_to_v4" + suffix, kV4ToV6, data);
    in = from_peer(peer.world, kV4ToV6, data);
    as_from_ipv6(peer, to_client(peer.world, kV4ToV6, in, data), right_udp_check(in), 32 + size > 1260);
    rows.push_back(peer);
    Row hairpin = hairpin_row("hairpin_v6_to_v4" + suffix, kDave, kCarol, data);
    in = from_client(hairpin.world, kDave, data);
    as_from_ipv6(hairpin, to_client(hairpin.world, kCarol, in, data, 2), right_udp_check(in),
                 32 + size > 1260);
    rows.push_back(hairpin);
  }
}

void add_padding(std::vector<Row>& rows) {
  for (size_t size : {0, 1, 2, 3, 4, 160, 161}) {
    for (size_t padding : {1, 2, 3}) {
      const std::string suffix = "_of_" + std::to_string(size) + "_padded_by_" + std::to_string(padding);
      const Octets data = pattern(size), pad = pattern(padding, 0xc7);
      rows.push_back(client_row("client_v4" + suffix, kV4, data, pad));
      rows.push_back(client_row("client_v6" + suffix, kV6, data, pad));
      rows.push_back(client_row("client_v4_to_v6" + suffix, kV4ToV6, data, pad));
      rows.push_back(hairpin_row("hairpin" + suffix, kAlice, kBob, data, pad));
    }
  }
  for (size_t trailing : {1, 2, 18, 46}) {
    const auto pad_frame = [=](Frame& in) { in.trailing = pattern(trailing, 0xb1); };
    const std::string suffix = "_frame_padded_by_" + std::to_string(trailing);
    rows.push_back(client_row("client_v4" + suffix, kV4, pattern(1), {}, pad_frame));
    rows.push_back(client_row("client_v6" + suffix, kV6, pattern(1), pattern(3), pad_frame));
    rows.push_back(peer_row("peer_v4" + suffix, kV4, {}, pad_frame));
    rows.push_back(hairpin_row("hairpin" + suffix, kAlice, kBob, pattern(5), pattern(3), pad_frame));
  }
}

void add_header_fields(std::vector<Row>& rows) {
  for (int bits : {0x01, 0x02, 0x03, 0xb8, 0xba, 0xff}) {
    const auto mark = [=](Frame& in) { in.traffic_class = static_cast<uint8_t>(bits); };
    const std::string suffix = "_traffic_class_" + std::to_string(bits);
    rows.push_back(client_row("client_v4" + suffix, kV4, pattern(9), {}, mark));
    rows.push_back(client_row("client_v6" + suffix, kV6, pattern(9), {}, mark));
    rows.push_back(client_row("client_v4_to_v6" + suffix, kV4ToV6, pattern(9), {}, mark));
    rows.push_back(peer_row("peer_v6" + suffix, kV6, pattern(9), mark));
    rows.push_back(hairpin_row("hairpin" + suffix, kAlice, kBob, pattern(9), {}, mark));
  }
  const auto fragment_fields = [](Frame& in) {
    in.dont_fragment = true;
    in.id = 0xbeef;
  };
  rows.push_back(client_row("client_dont_fragment", kV4, pattern(9), {}, fragment_fields));
  rows.push_back(peer_row("peer_dont_fragment", kV4, pattern(9), fragment_fields));
  rows.push_back(hairpin_row("hairpin_dont_fragment", kAlice, kBob, pattern(9), {}, fragment_fields));
  rows.push_back(client_row("client_may_fragment", kV4, pattern(9), {}, [](Frame& in) { in.id = 0xbeef; }));
  rows.push_back(peer_row("peer_flow_label", kV6, pattern(9), [](Frame& in) { in.flow_label = 0xfedcb; }));
  for (int ttl : {2, 3, 128, 255}) {
    const auto set_ttl = [=](Frame& in) { in.ttl = static_cast<uint8_t>(ttl); };
    const std::string suffix = "_ttl_" + std::to_string(ttl);
    rows.push_back(client_row("client_v4" + suffix, kV4, pattern(9), {}, set_ttl));
    rows.push_back(client_row("client_v6" + suffix, kV6, pattern(9), {}, set_ttl));
    rows.push_back(peer_row("peer_v4" + suffix, kV4, pattern(9), set_ttl));
    rows.push_back(peer_row("peer_v6" + suffix, kV6, pattern(9), set_ttl));
    if (ttl > 2) rows.push_back(hairpin_row("hairpin" + suffix, kAlice, kBob, pattern(9), {}, set_ttl));
  }
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

void add_checksums(std::vector<Row>& rows) {
  const auto no_check = [](Frame& in) { in.udp_check = 0; };
  rows.push_back(client_row("client_without_checksum", kV4, pattern(9), pattern(3), no_check));
  rows.push_back(peer_row("peer_without_checksum", kV4, pattern(9), no_check));
  rows.push_back(hairpin_row("hairpin_without_checksum", kAlice, kBob, pattern(9), {}, no_check));
  const World world = standard_world();
  for (uint32_t slot : {kV4, kV6, kV4ToV6}) {
    const std::string suffix = "_slot_" + std::to_string(slot);
    rows.push_back(client_row("client_checksum_becomes_zero" + suffix, slot,
                              data_for_zero_check([&](const Octets& data) {
                                return to_peer(world, slot, from_client(world, slot, data), data);
                              })));
    rows.push_back(
        client_row("client_checksum_was_zero" + suffix, slot,
                   data_for_zero_check([&](const Octets& data) { return from_client(world, slot, data); })));
  }
  for (uint32_t slot : {kV4, kV6, kV6ToV4}) {
    const std::string suffix = "_slot_" + std::to_string(slot);
    rows.push_back(
        peer_row("peer_checksum_becomes_zero" + suffix, slot, data_for_zero_check([&](const Octets& data) {
                   return to_client(world, slot, from_peer(world, slot, data), data);
                 })));
    rows.push_back(
        peer_row("peer_checksum_was_zero" + suffix, slot,
                 data_for_zero_check([&](const Octets& data) { return from_peer(world, slot, data); })));
  }
}

// What a peer sends is data whatever it looks like.
void add_peer_payloads(std::vector<Row>& rows) {
  Octets stun{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42};
  stun.resize(20, 0x5a);
  rows.push_back(peer_row("peer_ice_check_v4", kV4, stun));
  rows.push_back(peer_row("peer_ice_check_v6", kV6, stun));
  rows.push_back(client_row("client_ice_check", kV4, stun));
  rows.push_back(hairpin_row("hairpin_ice_check", kAlice, kBob, stun));
  rows.push_back(peer_row("peer_looks_like_channel_data", kV4, channel_data(0x4001, pattern(8))));
  rows.push_back(peer_row("peer_begins_with_01", kV6, {0x7f, 0xff, 0x00}));
}

}  // namespace

std::vector<Row> relayed_rows() {
  std::vector<Row> rows;
  add_sizes(rows);
  add_from_ipv6(rows);
  add_padding(rows);
  add_header_fields(rows);
  add_checksums(rows);
  add_peer_payloads(rows);
  return rows;
}

}  // namespace turnpike::bpf_test
