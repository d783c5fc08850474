// SPDX-License-Identifier: Apache-2.0
#include "model.h"

#include <arpa/inet.h>

#include <algorithm>

#include "guard.h"
#include "journey.h"

namespace turnpike::bpf_test {
namespace {

const tp_next_hop& next_hop_of(const World& world, const Journey& journey) {
  static const tp_next_hop kNone{};
  const auto hop = world.next_hops.find(journey.next_hop);
  return hop == world.next_hops.end() ? kNone : hop->second;
}

size_t ip_size(const Endpoint& destination, const Octets& payload) {
  return (destination.address.is_v4() ? 28 : 48) + payload.size();
}

// A sender that wants its packet whole is told what would have fit on its side. STUN counts data by fours.
tp_reason too_big(const World& world, const Parsed& in, const Journey& journey, size_t size, uint32_t mtu,
                  Expected& expected) {
  if (!in.frame.dont_fragment && in.frame.source.address.is_v4()) return TP_PASS_MTU;
  const size_t data = journey.data.size();
  size_t room = mtu - (size - (journey.named ? padded(data) : data));
  if (journey.send || journey.named) room -= room % 4;
  const size_t headers = ip_size(in.frame.destination, in.frame.payload) - journey.span;
  expected.too_big_mtu = static_cast<uint32_t>(headers + room);
  expected.too_big_for = world.allocations.at(journey.charges.back().allocation).id;
  return TP_PASS_MTU;
}

tp_reason check_checksum(const Parsed& in, bool zero) {
  const uint32_t pseudo = pseudo_header_sum(in.frame.source.address, in.frame.destination.address,
                                            static_cast<uint16_t>(8 + in.frame.payload.size()));
  if (in.udp_check == (pseudo == 0 ? 65535 : pseudo)) return TP_PASS_CHECKSUM_PARTIAL;
  return in.udp_check == 0 && !zero ? TP_PASS_CHECKSUM_ZERO : kNoReason;
}

tp_reason check_leaving(const World& world, const Parsed& in, const Journey& journey, Expected& expected) {
  if (in.frame.ttl <= journey.hops) return TP_PASS_TTL;
  const tp_reason checksum = check_checksum(in, journey.destination.address.is_v4());
  if (checksum != kNoReason) return checksum;
  const tp_next_hop& hop = next_hop_of(world, journey);
  if (hop.generation == 0) return TP_PASS_NEXT_HOP;
  const size_t size = ip_size(journey.destination, journey.payload({}));
  return size > hop.mtu ? too_big(world, in, journey, size, hop.mtu, expected) : kNoReason;
}

// A checksum that was wrong stays wrong by as much.
uint16_t out_check(const Frame& out, const Parsed& in) {
  if (in.udp_check == 0) return 0;
  const uint32_t check = (right_udp_check(out) + in.error) % 65535;
  return static_cast<uint16_t>(check == 0 ? 65535 : check);
}

Frame rewritten(const Parsed& in, const Journey& journey, const tp_next_hop& hop, const TransactionId& id) {
  Frame out = in.frame;
  out.tags.clear();
  for (size_t i = 0; i < 2 && hop.vlan_protocol[i] != 0; ++i)
    out.tags.push_back({ntohs(hop.vlan_protocol[i]), ntohs(hop.vlan_tag[i])});
  std::copy_n(hop.source_mac, 6, out.source_mac.begin());
  std::copy_n(hop.destination_mac, 6, out.destination_mac.begin());
  out.source = journey.source;
  out.destination = journey.destination;
  out.ttl = static_cast<uint8_t>(in.frame.ttl - journey.hops);
  out.payload = journey.payload(id);
  if (!in.frame.source.address.is_v4()) {
    out.dont_fragment = ip_size(out.destination, out.payload) > 1260;  // RFC 7915 §5.1
    out.id = in.udp_check;
  }
  out.udp_check = out_check(out, in);
  return out;
}

void relay(const World& world, const Parsed& in, const Journey& journey, const TransactionId& id,
           Expected& expected) {
  const Frame out = rewritten(in, journey, next_hop_of(world, journey), id);
  expected.reason = journey.relayed;
  if (journey.named && journey.relayed == TP_RELAYED_TO_CLIENT) expected.reason = TP_RELAYED_DATA;
  expected.output = to_bytes(out);
  if (journey.named) expected.id_offset = expected.output.size() - out.payload.size() + 8;
  for (const Charge& charge : journey.charges) {
    tp_allocation_counters& counters = expected.counters[charge.allocation];
    (charge.direction == TP_TO_PEER ? counters.to_peer : counters.to_client) = {1, journey.data.size()};
  }
}

// Nothing of the request's header comes back but who and where, and an identification that nobody reads.
Octets answer_to(const Parsed& parsed) {
  const Frame& in = parsed.frame;
  Frame out;
  for (const Tag& tag : in.tags)
    out.tags.push_back({tag.protocol, static_cast<uint16_t>(tag.control & 0x0fff)});
  out.source_mac = in.destination_mac;
  out.destination_mac = in.source_mac;
  out.source = in.destination;
  out.destination = in.source;
  out.id = in.id;
  TransactionId id;
  std::copy_n(in.payload.begin() + 8, id.size(), id.begin());
  out.payload = stun(kBindingSuccess, {{kXorMappedAddress, xor_address(in.source, id)}}, id);
  out.udp_check = out_check(out, parsed);
  return to_bytes(out);
}

}  // namespace

Expected expect(const World& world, const Octets& packet, const TransactionId& id) {
  Expected expected;
  expected.output = packet;
  Parsed in;
  Journey journey;
  expected.reason = read_packet(world, packet, in);
  if (expected.reason == kNoReason) expected.reason = guard_source(world, in.frame);
  if (expected.reason != kNoReason) return expected;
  expected.reason = find_journey(world, in.frame, journey);
  if (expected.reason == TP_PASS_NO_FLOW || expected.reason == TP_PASS_STUN) {
    expected.reason = guard_listening(world, in.frame, expected.reason, check_checksum(in, false));
    if (expected.reason == TP_ANSWERED_BINDING) expected.output = answer_to(in);
    return expected;
  }
  if (expected.reason == TP_PASS_CHANNEL_LENGTH || expected.reason == TP_PASS_INDICATION) return expected;
  // STUN for the relay itself, as far as anybody knows.
  const bool client = journey.first && journey.first->kind == TP_BINDING_CLIENT;
  expected.bytes = client && !journey.send ? 0 : journey.data.size();
  if (!journey.charges.empty()) expected.allocation = world.allocations.at(journey.charges[0].allocation).id;
  if (expected.reason == kNoReason) expected.reason = check_leaving(world, in, journey, expected);
  if (expected.reason != kNoReason) return expected;
  uint32_t refusing = 0;
  expected.reason = guard_limits(world, journey, refusing);
  if (expected.reason != kNoReason)
    expected.counters[refusing].refused = {1, expected.bytes};
  else
    relay(world, in, journey, id, expected);
  return expected;
}

Expected expect_output(const World& world, const Octets& packet, const Octets& output) {
  Expected expected = expect(world, packet);
  if (expected.id_offset == 0 || output.size() != expected.output.size()) return expected;
  TransactionId id;
  std::copy_n(output.begin() + static_cast<ptrdiff_t>(expected.id_offset), id.size(), id.begin());
  return expect(world, packet, id);
}

const char* name_of(size_t reason) {
  static const char* const kNames[] = {
#define REASON_NAME(name, text, meaning) text,
      TP_REASONS(REASON_NAME)
#undef REASON_NAME
  };
  return kNames[reason];
}

}  // namespace turnpike::bpf_test
