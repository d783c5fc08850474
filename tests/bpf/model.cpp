// SPDX-License-Identifier: Apache-2.0
#include "model.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "util/bytes.h"

namespace turnpike::bpf_test {
namespace {

struct Parsed {
  Frame frame;
  uint16_t udp_check = 0;
  uint32_t error = 0;  // ones' complement sum of the datagram: 0 when its checksum is right
};

IpAddress read_address(Reader& reader, size_t size) {
  auto address = IpAddress::from_wire(reader.take(size));
  return address ? *address : IpAddress();
}

tp_reason read_ipv4(Reader& reader, Bytes header, Frame& frame, size_t& length) {
  const uint8_t version = reader.u8();
  frame.traffic_class = reader.u8();
  const uint16_t total = reader.u16();
  frame.id = reader.u16();
  const uint16_t fragment = reader.u16();
  frame.dont_fragment = fragment & 0x4000;
  frame.ttl = reader.u8();
  const uint8_t protocol = reader.u8();
  reader.skip(2);
  frame.source.address = read_address(reader, 4);
  frame.destination.address = read_address(reader, 4);
  if (!reader.ok() || version >> 4 != 4 || (version & 15) < 5) return TP_PASS_MALFORMED;
  if (protocol != 17) return TP_PASS_NOT_UDP;
  if (version != 0x45) return TP_PASS_IP_OPTIONS;
  if (fragment & 0x2000 || fragment & 0x1fff) return TP_PASS_FRAGMENT;
  if (ones_sum(header.first(20)) != 0) return TP_PASS_IP_CHECKSUM;
  if (total < 20 || total - 20u > reader.remaining()) return TP_PASS_MALFORMED;
  length = total - 20u;
  return TP_REASON_COUNT;
}

tp_reason read_ipv6(Reader& reader, Frame& frame, size_t& length) {
  const uint32_t first = reader.u32();
  frame.traffic_class = static_cast<uint8_t>(first >> 20);
  length = reader.u16();
  const uint8_t next = reader.u8();
  frame.ttl = reader.u8();
  frame.source.address = read_address(reader, 16);
  frame.destination.address = read_address(reader, 16);
  if (!reader.ok() || first >> 28 != 6) return TP_PASS_MALFORMED;
  if (next == 44) return TP_PASS_FRAGMENT;
  if (next != 17) return TP_PASS_NOT_UDP;
  if (frame.source.address.is_v4() || frame.destination.address.is_v4()) return TP_PASS_MALFORMED;
  return length > reader.remaining() ? TP_PASS_MALFORMED : TP_REASON_COUNT;
}

tp_reason read_udp(Bytes datagram, bool v4, Parsed& parsed) {
  Reader reader(datagram);
  parsed.frame.source.port = reader.u16();
  parsed.frame.destination.port = reader.u16();
  const uint16_t length = reader.u16();
  parsed.udp_check = reader.u16();
  if (!reader.ok() || length != datagram.size()) return TP_PASS_MALFORMED;
  if (parsed.frame.source.port == 0 || parsed.frame.destination.port == 0) return TP_PASS_MALFORMED;
  if (parsed.udp_check == 0 && !v4) return TP_PASS_MALFORMED;
  const Bytes payload = reader.take(reader.remaining());
  parsed.frame.payload.assign(payload.begin(), payload.end());
  parsed.error = (pseudo_header_sum(parsed.frame.source.address, parsed.frame.destination.address, length) +
                  ones_sum(datagram)) %
                 65535;
  return TP_REASON_COUNT;
}

tp_reason read(const Octets& packet, Parsed& parsed) {
  Reader reader(packet);
  reader.skip(12);
  const uint16_t protocol = reader.u16();
  const bool v4 = protocol == 0x0800;
  size_t length = 0;
  tp_reason reason = TP_PASS_NOT_IP;
  if (v4)
    reason = read_ipv4(reader, Bytes(packet).subspan(kIp), parsed.frame, length);
  else if (protocol == 0x86dd)
    reason = read_ipv6(reader, parsed.frame, length);
  return reason == TP_REASON_COUNT ? read_udp(reader.take(length), v4, parsed) : reason;
}

const tp_flow* find(const World& world, const Endpoint& remote, const Endpoint& local, uint16_t channel) {
  const tp_flow_key key = flow_key(remote, local, channel);
  for (const World::Flow& flow : world.flows)
    if (std::memcmp(&flow.key, &key, sizeof(key)) == 0) return &flow.value;
  return nullptr;
}

// `remote`, `local`, `channel`: by which the flow was found.
tp_reason check(const World& world, const tp_flow& flow, const Endpoint& remote, const Endpoint& local,
                uint16_t channel, const tp_binding*& binding) {
  const auto slot = world.bindings.find(flow.binding);
  if (slot == world.bindings.end() || slot->second.generation == 0 ||
      slot->second.generation != flow.generation)
    return TP_PASS_STALE;
  binding = &slot->second;
  const bool is_for = channel != 0
                          ? ntohs(binding->channel) == channel && from_abi(binding->client) == remote &&
                                from_abi(binding->server) == local
                          : from_abi(binding->peer) == remote && from_abi(binding->relayed) == local;
  if (!is_for) return TP_PASS_STALE;
  if (binding->channel_expires <= kPast) return TP_PASS_CHANNEL_EXPIRED;
  if (binding->permission_expires <= kPast) return TP_PASS_PERMISSION_EXPIRED;
  const auto allocation = world.allocations.find(binding->allocation);
  if (allocation == world.allocations.end() || allocation->second.expires <= kPast)
    return TP_PASS_ALLOCATION_EXPIRED;
  return TP_REASON_COUNT;
}

bool is_stun(const Octets& payload) {
  static constexpr uint8_t kCookie[] = {0x21, 0x12, 0xa4, 0x42};
  return payload.size() >= 20 && payload[0] < 0x40 && std::equal(kCookie, kCookie + 4, payload.begin() + 4);
}

struct Route {
  Endpoint source, destination;
  uint32_t next_hop = 0;
  uint16_t add_channel = 0;
  uint8_t hops = 1;
  tp_reason relayed = TP_RELAYED_TO_CLIENT;
};

Route route_to_client(const tp_binding& binding) {
  return {from_abi(binding.server), from_abi(binding.client), binding.client_next_hop,
          ntohs(binding.channel)};
}

tp_reason find_route(const World& world, const Frame& in, Octets& data, uint64_t& bytes, Route& route) {
  uint16_t channel = 0;
  const tp_flow* flow = nullptr;
  if (in.payload.size() >= 4 && in.payload[0] >> 6 == 1) {
    channel = static_cast<uint16_t>(in.payload[0] << 8 | in.payload[1]);
    flow = find(world, in.source, in.destination, channel);
  }
  if (!flow) {
    channel = 0;
    flow = find(world, in.source, in.destination, 0);
  }
  if (!flow) return is_stun(in.payload) ? TP_PASS_STUN : TP_PASS_NO_FLOW;
  data = in.payload;
  if (channel != 0) {
    const size_t length = in.payload[2] * 256u + in.payload[3], present = in.payload.size() - 4;
    if (length > present || present > length + 3) return TP_PASS_CHANNEL_LENGTH;
    data.assign(in.payload.begin() + 4, in.payload.begin() + 4 + static_cast<ptrdiff_t>(length));
  }
  bytes = data.size();
  const tp_binding* binding = nullptr;
  tp_reason reason = check(world, *flow, in.source, in.destination, channel, binding);
  if (reason != TP_REASON_COUNT) return reason;
  route = route_to_client(*binding);
  if (channel == 0) return TP_REASON_COUNT;
  if (!(binding->flags & TP_BINDING_PEER_IS_RELAYED)) {
    route = {from_abi(binding->relayed), from_abi(binding->peer), binding->peer_next_hop, 0, 1,
             TP_RELAYED_TO_PEER};
    return TP_REASON_COUNT;
  }
  const Endpoint relayed = from_abi(binding->relayed), peer = from_abi(binding->peer);
  flow = find(world, relayed, peer, 0);
  if (!flow) return TP_PASS_HAIRPIN_NO_CHANNEL;
  reason = check(world, *flow, relayed, peer, 0, binding);
  if (reason != TP_REASON_COUNT) return reason;
  route = route_to_client(*binding);
  route.hops = 2;
  route.relayed = TP_RELAYED_HAIRPIN;
  return TP_REASON_COUNT;
}

tp_reason check_leaving(const Parsed& in, const Route& route, const tp_next_hop& next_hop, size_t size) {
  const bool v4 = route.destination.address.is_v4();
  const uint32_t pseudo = pseudo_header_sum(in.frame.source.address, in.frame.destination.address,
                                            static_cast<uint16_t>(8 + in.frame.payload.size()));
  if (in.frame.ttl <= route.hops) return TP_PASS_TTL;
  if (in.udp_check == (pseudo == 0 ? 65535 : pseudo)) return TP_PASS_CHECKSUM_PARTIAL;
  if (in.udp_check == 0 && !v4) return TP_PASS_CHECKSUM_ZERO;
  if (next_hop.generation == 0) return TP_PASS_NEXT_HOP;
  return (v4 ? 28 : 48) + (route.add_channel ? 4 : 0) + size > next_hop.mtu ? TP_PASS_MTU : route.relayed;
}

// A checksum that was wrong stays wrong by as much.
uint16_t out_check(const Frame& out, const Parsed& in) {
  if (in.udp_check == 0) return 0;
  const uint32_t check = (right_udp_check(out) + in.error) % 65535;
  return static_cast<uint16_t>(check == 0 ? 65535 : check);
}

Frame rewritten(const Parsed& in, const Route& route, const tp_next_hop& hop, const Octets& data) {
  Frame out = in.frame;
  std::copy_n(hop.source_mac, 6, out.source_mac.begin());
  std::copy_n(hop.destination_mac, 6, out.destination_mac.begin());
  out.source = route.source;
  out.destination = route.destination;
  out.ttl = static_cast<uint8_t>(in.frame.ttl - route.hops);
  out.payload = route.add_channel ? channel_data(route.add_channel, data) : data;
  if (!in.frame.source.address.is_v4()) {
    out.dont_fragment = 28 + out.payload.size() > 1260;
    out.id = in.udp_check;
  }
  out.udp_check = out_check(out, in);
  return out;
}

}  // namespace

Expected expect(const World& world, const Octets& packet) {
  Expected expected{TP_PASS_MALFORMED, packet};
  Parsed in;
  Octets data;
  Route route;
  expected.reason = read(packet, in);
  if (expected.reason != TP_REASON_COUNT) return expected;
  expected.reason = find_route(world, in.frame, data, expected.bytes, route);
  if (expected.reason != TP_REASON_COUNT) return expected;
  const auto hop = world.next_hops.find(route.next_hop);
  const tp_next_hop none{};
  const tp_next_hop& next_hop = hop == world.next_hops.end() ? none : hop->second;
  expected.reason = check_leaving(in, route, next_hop, data.size());
  if (expected.reason <= TP_RELAYED_HAIRPIN) expected.output = to_bytes(rewritten(in, route, next_hop, data));
  return expected;
}

}  // namespace turnpike::bpf_test
