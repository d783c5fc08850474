// SPDX-License-Identifier: Apache-2.0
//
// What passes before any binding is found.
#include "relay_rows.h"
#include "stun_bytes.h"

namespace turnpike::bpf_test {
namespace {

Row passed(const std::string& name, tp_reason reason, const Frame& packet, uint64_t bytes = 0) {
  return {name, to_bytes(packet), reason, bytes};
}

Frame client(uint32_t slot) {
  return from_client(standard_world(), slot, pattern(20));
}
Frame peer(uint32_t slot) {
  return from_peer(standard_world(), slot, pattern(20));
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

}  // namespace

void add_not_ours(Rows& rows) {
  const Frame v4 = client(kV4), v6 = client(kV6);
  Row arp = passed("arp", TP_PASS_NOT_IP, v4);
  arp.packet[13] = 0x06;
  rows.push_back(arp);
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
  const Frame indication = send_from_client(standard_world(), kV4, pattern(20));
  rows.push_back(changed("options_send", TP_PASS_IP_OPTIONS, indication, kIp, 0x46));
  rows.push_back(changed("fragment_send", TP_PASS_FRAGMENT, indication, kIp + 6, 0x20));
}

void add_malformed(Rows& rows) {
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
  Frame no_port = v6;
  no_port.destination.port = 0;
  rows.push_back(passed("destination_port_zero", TP_PASS_MALFORMED, no_port));
  no_port = v4;
  no_port.source.port = 0;
  no_port.destination.port = 53;
  rows.push_back(passed("source_port_zero_to_a_port_of_the_host", TP_PASS_MALFORMED, no_port));
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

void add_no_flow(Rows& rows) {
  const Octets request = stun(kAllocateRequest, {});
  const auto from = [&](const std::string& name, tp_reason reason, Frame frame, const Octets& payload,
                        const ChangeFrame& change = {}) {
    frame.payload = payload;
    if (change) change(frame);
    rows.push_back(passed(name, reason, frame));
  };
  const auto stranger = [](Frame& frame) { frame.source.port ^= 1; };
  from("stun_from_client", TP_PASS_STUN, client(kV4), request);
  from("stun_from_stranger", TP_PASS_STUN, client(kV4), request, stranger);
  from("binding_request", TP_PASS_STUN, client(kV6), stun(kBindingRequest, {}));
  from("data_indication_from_client", TP_PASS_STUN, client(kV4),
       data_indication(at("192.0.2.20:6000"), pattern(4), kSomeId));
  from("send_from_stranger", TP_PASS_STUN, client(kV4), send_indication(at("192.0.2.20:6000"), pattern(4)),
       stranger);
  from("empty_from_client", TP_PASS_NO_FLOW, client(kV4), {});
  from("dtls_from_stranger", TP_PASS_NO_FLOW, client(kV6), {22, 0xfe, 0xfd, 0}, stranger);
  from("short_of_a_channel_header", TP_PASS_NO_FLOW, client(kV4), {0x40, 0x01, 0x00});
  from("channel_of_another", TP_PASS_NO_FLOW, client(kV4), channel_data(0x4002, pattern(20)));
  from("another_client_port", TP_PASS_NO_FLOW, client(kV6), channel_data(0x4002, pattern(20)), stranger);
  from("another_peer_address", TP_PASS_NO_FLOW, peer(kV4), pattern(20),
       [](Frame& frame) { frame.source.address = address_of("192.0.2.99"); });
  from("another_relay_port", TP_PASS_NO_FLOW, peer(kV6), pattern(20),
       [](Frame& frame) { frame.destination.port ^= 0x0700; });
  from("stun_to_another_relay_port", TP_PASS_STUN, peer(kV6), request,
       [](Frame& frame) { frame.destination.port ^= 0x0700; });
  from("peer_of_another_allocation", TP_PASS_NO_FLOW, peer(kV4), pattern(20),
       [](Frame& frame) { frame.destination.port = 50004; });
}

}  // namespace turnpike::bpf_test
