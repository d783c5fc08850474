// SPDX-License-Identifier: Apache-2.0
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

const Octets kData = pattern(20);
constexpr size_t kUdp4 = kIp + 20, kUdp6 = kIp + 40;

Row passed(const std::string& name, tp_reason reason, const Frame& packet, uint64_t bytes = 0) {
  return {name, to_bytes(packet), reason, {}, bytes};
}

Frame client(uint32_t slot) {
  return from_client(standard_world(), slot, kData);
}
Frame peer(uint32_t slot) {
  return from_peer(standard_world(), slot, kData);
}

// A good packet with one byte changed. An IPv4 header gets a right checksum again.
Row changed(const std::string& name, tp_reason reason, const Frame& frame, size_t offset, uint8_t value) {
  Row row = passed(name, reason, frame);
  row.packet[offset] = value;
  if (frame.source.address.is_v4()) fix_ipv4_checksum(MutableBytes(row.packet).subspan(kIp, 20));
  return row;
}

Row cut(const std::string& name, const Frame& frame, size_t size) {
  Row row = passed(name, TP_PASS_MALFORMED, frame);
  row.packet.resize(size);
  return row;
}

Row in_world(Row row, const std::function<void(World&)>& change) {
  change(row.world);
  return row;
}

void add_not_ours(std::vector<Row>& rows) {
  const Frame v4 = client(kV4), v6 = client(kV6);
  Row arp = passed("arp", TP_PASS_NOT_IP, v4);
  arp.packet[13] = 0x06;
  rows.push_back(arp);
  Row vlan = passed("vlan", TP_PASS_NOT_IP, v4);
  vlan.packet.insert(vlan.packet.begin() + 12, {0x81, 0x00, 0x00, 0x05});
  rows.push_back(vlan);
  Row bare = passed("ethernet_header_alone", TP_PASS_NOT_IP, v4);
  bare.packet.resize(14);
  bare.packet[12] = 0x88;
  rows.push_back(bare);
  rows.push_back(changed("tcp_v4", TP_PASS_NOT_UDP, v4, kIp + 9, 6));
  rows.push_back(changed("tcp_v6", TP_PASS_NOT_UDP, v6, kIp + 6, 6));
  rows.push_back(changed("hop_by_hop_options", TP_PASS_NOT_UDP, v6, kIp + 6, 0));
  rows.push_back(changed("ip_options", TP_PASS_IP_OPTIONS, v4, kIp, 0x46));
  rows.push_back(changed("more_fragments", TP_PASS_FRAGMENT, v4, kIp + 6, 0x20));
  rows.push_back(changed("fragment_offset", TP_PASS_FRAGMENT, v4, kIp + 7, 0x01));
  rows.push_back(changed("fragment_v6", TP_PASS_FRAGMENT, v6, kIp + 6, 44));
}

void add_malformed(std::vector<Row>& rows) {
  const Frame v4 = client(kV4), v6 = client(kV6);
  rows.push_back(changed("version_v4", TP_PASS_MALFORMED, v4, kIp, 0x65));
  rows.push_back(changed("version_v6", TP_PASS_MALFORMED, v6, kIp, 0x40));
  rows.push_back(changed("header_length_below_5", TP_PASS_MALFORMED, v4, kIp, 0x44));
  rows.push_back(changed("total_length_below_header", TP_PASS_MALFORMED, v4, kIp + 3, 19));
  rows.push_back(changed("total_length_without_udp_header", TP_PASS_MALFORMED, v4, kIp + 3, 27));
  rows.push_back(changed("total_length_beyond_frame", TP_PASS_MALFORMED, v4, kIp + 2, 1));
  rows.push_back(changed("payload_length_beyond_frame", TP_PASS_MALFORMED, v6, kIp + 4, 1));
  rows.push_back(changed("payload_length_zero", TP_PASS_MALFORMED, v6, kIp + 5, 0));
  rows.push_back(changed("udp_length_below_ip", TP_PASS_MALFORMED, v4, kUdp4 + 5, 31));
  rows.push_back(changed("udp_length_above_ip", TP_PASS_MALFORMED, v6, kUdp6 + 5, 33));
  Frame no_port = v4;
  no_port.source.port = 0;
  rows.push_back(passed("source_port_zero", TP_PASS_MALFORMED, no_port));
  no_port = v6;
  no_port.destination.port = 0;
  rows.push_back(passed("destination_port_zero", TP_PASS_MALFORMED, no_port));
  Frame no_check = v6;
  no_check.udp_check = 0;
  rows.push_back(passed("no_checksum_on_ipv6", TP_PASS_MALFORMED, no_check));
  rows.push_back(cut("cut_in_ipv4_header", v4, kIp + 19));
  rows.push_back(cut("cut_in_ipv6_header", v6, kIp + 39));
  rows.push_back(cut("cut_in_udp_header_v4", v4, kUdp4 + 7));
  rows.push_back(cut("cut_in_udp_header_v6", v6, kUdp6 + 7));
  rows.push_back(cut("cut_in_payload", v4, to_bytes(v4).size() - 1));
  Row checksum = passed("ip_checksum", TP_PASS_IP_CHECKSUM, v4);
  checksum.packet[kIp + 10] ^= 1;
  rows.push_back(checksum);
  // The addresses of an IPv4 flow, mapped, in an IPv6 packet.
  Row mapped = passed("mapped_addresses_on_the_wire", TP_PASS_MALFORMED, v6);
  const auto source = v4.source.address.bytes(), destination = v4.destination.address.bytes();
  std::copy(source.begin(), source.end(), mapped.packet.begin() + kIp + 8);
  std::copy(destination.begin(), destination.end(), mapped.packet.begin() + kIp + 24);
  rows.push_back(mapped);
}

void add_no_flow(std::vector<Row>& rows) {
  Octets stun{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42};
  stun.resize(20, 0x5a);
  Frame frame = client(kV4);
  frame.payload = stun;
  rows.push_back(passed("stun_from_client", TP_PASS_STUN, frame));
  frame.payload.pop_back();
  rows.push_back(passed("short_of_a_stun_header", TP_PASS_NO_FLOW, frame));
  frame.payload = stun;
  frame.payload[4] ^= 1;
  rows.push_back(passed("stun_without_cookie", TP_PASS_NO_FLOW, frame));
  frame.payload = {};
  rows.push_back(passed("empty_from_client", TP_PASS_NO_FLOW, frame));
  frame.payload = {0x40, 0x01, 0x00};
  rows.push_back(passed("short_of_a_channel_header", TP_PASS_NO_FLOW, frame));
  frame.payload = channel_data(0x4002, kData);
  rows.push_back(passed("channel_of_another", TP_PASS_NO_FLOW, frame));
  frame = client(kV6);
  frame.source.port ^= 1;
  rows.push_back(passed("another_client_port", TP_PASS_NO_FLOW, frame));
  frame = peer(kV4);
  frame.source.port ^= 1;
  rows.push_back(passed("another_peer_port", TP_PASS_NO_FLOW, frame));
  frame = peer(kV6);
  frame.destination.port ^= 1;
  rows.push_back(passed("another_relay_port", TP_PASS_NO_FLOW, frame));
  frame.payload = stun;
  rows.push_back(passed("stun_to_another_relay_port", TP_PASS_STUN, frame));
}

void add_channel_length(std::vector<Row>& rows) {
  Frame frame = client(kV4);
  frame.payload[3] = 21;
  rows.push_back(passed("channel_length_beyond_datagram", TP_PASS_CHANNEL_LENGTH, frame));
  frame.payload[3] = 16;
  rows.push_back(passed("four_bytes_of_padding", TP_PASS_CHANNEL_LENGTH, frame));
  frame = client(kV6);
  frame.payload[2] = 0xff;
  rows.push_back(passed("channel_length_largest", TP_PASS_CHANNEL_LENGTH, frame));
  frame.payload = {0x40, 0x02, 0x00, 0x01};
  rows.push_back(passed("channel_header_alone", TP_PASS_CHANNEL_LENGTH, frame));
}

void add_bindings(std::vector<Row>& rows) {
  const auto both = [&](const std::string& name, tp_reason reason,
                        const std::function<void(World&)>& change) {
    rows.push_back(in_world(passed(name + "_client", reason, client(kV4), 20), change));
    rows.push_back(in_world(passed(name + "_peer", reason, peer(kV4), 20), change));
    rows.push_back(in_world(passed(name + "_hairpin", reason, client(kBob), 20), [&](World& world) {
      // The far half of the hairpin fails: Bob's own binding stays as it is.
      World far = world;
      change(far);
      for (auto& [key, value] : world.flows)
        if (value.binding == kAlice) value = {kV4, world.bindings[kV4].generation};
      world.bindings[kV4] = far.bindings[kV4];
      world.bindings[kV4].channel = world.bindings[kAlice].channel;
      world.bindings[kV4].client = world.bindings[kAlice].client;
      world.bindings[kV4].server = world.bindings[kAlice].server;
      world.bindings[kV4].relayed = world.bindings[kAlice].relayed;
      world.bindings[kV4].peer = world.bindings[kAlice].peer;
      world.allocations[kV4] = far.allocations[kV4];
    }));
  };
  both("generation_moved_on", TP_PASS_STALE, [](World& world) { world.bindings[kV4].generation++; });
  both("being_written", TP_PASS_STALE, [](World& world) { world.bindings[kV4].generation = 0; });
  // As if the flow's element had been given to another binding between the probe and the look at its value.
  for (const auto& [name, frame, own, other] :
       {std::tuple("client", client(kV4), kV4, kV6), std::tuple("peer", peer(kV4), kV4, kV6),
        std::tuple("hairpin", client(kBob), kAlice, kDave)})
    rows.push_back(
        in_world(passed(std::string("element_of_another_binding_") + name, TP_PASS_STALE, frame, 20),
                 [own = own, other = other](World& world) {
                   for (auto& [key, value] : world.flows)
                     if (value.binding == own) value = {other, world.bindings[other].generation};
                 }));
  both("channel_expired", TP_PASS_CHANNEL_EXPIRED,
       [](World& world) { world.bindings[kV4].channel_expires = kPast; });
  both("channel_without_expiry", TP_PASS_CHANNEL_EXPIRED,
       [](World& world) { world.bindings[kV4].channel_expires = 0; });
  both("permission_expired", TP_PASS_PERMISSION_EXPIRED,
       [](World& world) { world.bindings[kV4].permission_expires = kPast; });
  both("allocation_expired", TP_PASS_ALLOCATION_EXPIRED,
       [](World& world) { world.allocations[kV4].expires = kPast; });
  both("allocation_gone", TP_PASS_ALLOCATION_EXPIRED,
       [](World& world) { world.allocations[kV4].expires = 0; });
  both("allocation_slot_beyond_map", TP_PASS_ALLOCATION_EXPIRED,
       [](World& world) { world.bindings[kV4].allocation = kSlots; });
  rows.push_back(in_world(passed("flow_to_free_slot", TP_PASS_STALE, client(kV4), 20), [](World& world) {
    world.bindings[kV4].generation = 0;
    for (auto& flow : world.flows)
      flow.value.generation = 0;
  }));
  rows.push_back(in_world(passed("flow_to_slot_beyond_map", TP_PASS_STALE, peer(kV4), 20), [](World& world) {
    for (auto& flow : world.flows)
      flow.value.binding = kSlots;
  }));
  rows.push_back(passed("hairpin_without_channel_back", TP_PASS_HAIRPIN_NO_CHANNEL, client(kStranger), 20));
  rows.push_back(
      in_world(passed("hairpin_channel_back_removed", TP_PASS_HAIRPIN_NO_CHANNEL, client(kCarol), 20),
               [](World& world) {
                 world.remove_flow(flow_key(from_abi(world.bindings[kCarol].relayed),
                                            from_abi(world.bindings[kDave].relayed), 0));
               }));
}

void add_ttl_and_checksums(std::vector<Row>& rows) {
  for (const uint8_t ttl : std::array<uint8_t, 3>{0, 1, 2}) {
    Frame frame = client(kAlice);
    frame.ttl = ttl;
    rows.push_back(passed("hairpin_ttl_" + std::to_string(ttl), TP_PASS_TTL, frame, 20));
    if (ttl == 2) break;
    for (uint32_t slot : {kV4, kV6, kV4ToV6, kV6ToV4}) {
      const std::string suffix = std::to_string(ttl) + "_slot_" + std::to_string(slot);
      frame = client(slot);
      frame.ttl = ttl;
      rows.push_back(passed("client_ttl_" + suffix, TP_PASS_TTL, frame, 20));
      frame = peer(slot);
      frame.ttl = ttl;
      rows.push_back(passed("peer_ttl_" + suffix, TP_PASS_TTL, frame, 20));
    }
  }
  for (uint32_t slot : {kV4, kV6, kAlice}) {
    for (Frame frame : {client(slot), peer(slot)}) {
      frame.udp_check = static_cast<uint16_t>(pseudo_header_sum(
          frame.source.address, frame.destination.address, static_cast<uint16_t>(8 + frame.payload.size())));
      const std::string from = frame.payload == kData ? "peer" : "client";
      rows.push_back(passed("checksum_partial_" + from + "_slot_" + std::to_string(slot),
                            TP_PASS_CHECKSUM_PARTIAL, frame, 20));
    }
  }
  Frame frame = client(kV4ToV6);
  frame.udp_check = 0;
  rows.push_back(passed("client_checksum_zero_to_v6", TP_PASS_CHECKSUM_ZERO, frame, 20));
  frame = peer(kV6ToV4);
  frame.udp_check = 0;
  rows.push_back(passed("peer_checksum_zero_to_v6", TP_PASS_CHECKSUM_ZERO, frame, 20));
  frame = client(kCarol);
  frame.udp_check = 0;
  rows.push_back(passed("hairpin_checksum_zero_to_v6", TP_PASS_CHECKSUM_ZERO, frame, 20));
}

void add_next_hops(std::vector<Row>& rows) {
  rows.push_back(in_world(passed("peer_unresolved", TP_PASS_NEXT_HOP, client(kV4), 20),
                          [](World& world) { world.bindings[kV4].peer_next_hop = kUnresolved; }));
  rows.push_back(in_world(passed("client_unresolved", TP_PASS_NEXT_HOP, peer(kV4), 20),
                          [](World& world) { world.bindings[kV4].client_next_hop = kUnresolved; }));
  rows.push_back(in_world(passed("next_hop_being_written", TP_PASS_NEXT_HOP, client(kAlice), 20),
                          [](World& world) { world.next_hops[kClientSide].generation = 0; }));
  rows.push_back(in_world(passed("next_hop_beyond_map", TP_PASS_NEXT_HOP, client(kV6), 20),
                          [](World& world) { world.bindings[kV6].peer_next_hop = kSlots; }));
  const World world = standard_world();
  const auto too_large = [&](const std::string& name, const Frame& frame, size_t size) {
    rows.push_back(passed(name, TP_PASS_MTU, frame, size));
  };
  too_large("client_v4_above_mtu", from_client(world, kV4, pattern(1473)), 1473);
  too_large("client_v6_above_mtu", from_client(world, kV6, pattern(1453)), 1453);
  too_large("client_v4_to_v6_above_mtu", from_client(world, kV4ToV6, pattern(1453)), 1453);
  too_large("peer_v4_above_mtu", from_peer(world, kV4, pattern(1469)), 1469);
  too_large("peer_v6_above_mtu", from_peer(world, kV6, pattern(1449)), 1449);
  too_large("hairpin_above_mtu", from_client(world, kAlice, pattern(1469)), 1469);
}

}  // namespace

std::vector<Row> passed_rows() {
  std::vector<Row> rows;
  add_not_ours(rows);
  add_malformed(rows);
  add_no_flow(rows);
  add_channel_length(rows);
  add_bindings(rows);
  add_ttl_and_checksums(rows);
  add_next_hops(rows);
  return rows;
}

}  // namespace turnpike::bpf_test
