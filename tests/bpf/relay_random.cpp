// SPDX-License-Identifier: Apache-2.0
//
// Packets by chance through the program and through the model: the same reason, the same bytes.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cstdlib>
#include <random>

#include "model.h"
#include "relay_program.h"

namespace turnpike::bpf_test {
namespace {

constexpr int kPackets = 100'000;

// TURNPIKE_SEED=n in the environment tries another sequence.
uint32_t seed() {
  const char* text = std::getenv("TURNPIKE_SEED");
  return text ? static_cast<uint32_t>(std::strtoul(text, nullptr, 0)) : 20240817;
}

class PacketMaker {
 public:
  PacketMaker(const World& world, uint32_t seed) : world_(world), engine_(seed) {}

  Octets next() {
    if (chance(3)) return noise(14 + below(200));
    Octets packet = to_bytes(good_frame());
    if (chance(60)) {
      for (uint32_t i = below(3); i < 3; ++i)
        mutate(packet);
      // Most faults should lie behind the header checksum, not be stopped by it.
      if (packet.size() >= kIp + 20 && packet[12] == 0x08 && packet[kIp] >> 4 == 4 && chance(80))
        fix_ipv4_checksum(MutableBytes(packet).subspan(kIp, 20));
    }
    return packet;
  }

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(engine_()) % bound; }
  bool chance(uint32_t percent) { return below(100) < percent; }
  uint8_t byte() { return static_cast<uint8_t>(engine_()); }

  Octets noise(size_t size) {
    Octets bytes(size);
    for (uint8_t& value : bytes)
      value = byte();
    return bytes;
  }

  Frame good_frame() {
    auto binding = world_.bindings.begin();
    std::advance(binding, below(static_cast<uint32_t>(world_.bindings.size())));
    const Octets data = noise(chance(50) ? below(24) : below(1460));
    Frame frame = chance(50) ? from_peer(world_, binding->first, data)
                             : from_client(world_, binding->first, data, noise(chance(50) ? 0 : below(4)));
    frame.traffic_class = byte();
    frame.ttl = chance(80) ? 64 : static_cast<uint8_t>(below(5));
    frame.id = static_cast<uint16_t>(engine_());
    frame.dont_fragment = chance(50);
    frame.flow_label = below(1 << 20);
    if (chance(10)) frame.udp_check = strange_check(frame);
    if (chance(10)) frame.trailing = noise(below(50));
    if (chance(5) && frame.payload.size() >= 20) make_stun(frame.payload);
    return frame;
  }

  uint16_t strange_check(const Frame& frame) {
    if (chance(30)) return 0;
    if (chance(50)) return static_cast<uint16_t>(engine_());
    return static_cast<uint16_t>(pseudo_header_sum(frame.source.address, frame.destination.address,
                                                   static_cast<uint16_t>(8 + frame.payload.size())));
  }

  void make_stun(Octets& payload) {
    payload[0] &= 0x3f;
    const Octets cookie{0x21, 0x12, 0xa4, 0x42};
    std::copy(cookie.begin(), cookie.end(), payload.begin() + 4);
  }

  void mutate(Octets& packet) {
    const auto headers = std::min<uint32_t>(70, static_cast<uint32_t>(packet.size()));
    switch (below(7)) {
      case 0:
        packet[below(headers)] = byte();
        break;
      case 1:
        packet[below(headers)] ^= static_cast<uint8_t>(1 << below(8));
        break;
      case 2:  // lengths are a little off more often than by chance
        packet[below(headers)] += static_cast<uint8_t>(below(9) - 4);
        break;
      case 3:
        packet.resize(14 + below(static_cast<uint32_t>(packet.size()) - 13));
        break;
      case 4:
        packet.resize(packet.size() + below(40), byte());
        break;
      case 5:
        packet[12 + below(2)] = byte();
        break;
      case 6:  // fragment fields, protocol, version
        if (packet.size() > kIp + 9) packet[kIp + (chance(50) ? 6 + below(4) : 0)] = byte();
        break;
    }
  }

  const World& world_;
  std::mt19937 engine_;
};

// The standard world, and beside it one binding for each way in which a binding can fail.
World troubled_world() {
  World world = standard_world();
  const auto add = [&](uint32_t slot) -> tp_binding& {
    const auto octet = static_cast<uint8_t>(100 + slot);
    return world.bind(slot, static_cast<uint16_t>(0x4000 + slot), {IpAddress::v4(198, 51, 100, octet), 40000},
                      at("203.0.113.1:3478"),
                      {IpAddress::v4(203, 0, 113, 1), static_cast<uint16_t>(50000 + slot)},
                      {IpAddress::v4(192, 0, 2, octet), 6000});
  };
  add(20).generation++;
  add(21).channel_expires = kPast;
  add(22).permission_expires = kPast;
  add(23).allocation = kSlots;
  add(24).peer_next_hop = kUnresolved;
  add(25).client_next_hop = kSlots;
  add(26).generation = 0;
  world.next_hops[kPeerSide].mtu = 1280;
  return world;
}

TEST(RelayRandom, AgreesWithTheModel) {
  ASSERT_NE(program(), nullptr);
  const World world = troubled_world();
  program()->load(world);
  std::printf("seed %u\n", seed());
  PacketMaker maker(world, seed());
  Reasons expected_reasons{};
  for (int i = 0; i < kPackets && !HasFailure(); ++i) {
    SCOPED_TRACE("packet " + std::to_string(i));
    const Octets packet = maker.next();
    const Expected expected = expect(world, packet);
    const Outcome outcome = program()->run(packet);
    const bool relayed = expected.reason <= TP_RELAYED_HAIRPIN;
    EXPECT_EQ(outcome.verdict, static_cast<uint32_t>(relayed ? XDP_REDIRECT : XDP_PASS))
        << "expected reason " << expected.reason;
    EXPECT_EQ(outcome.output, expected.output);
    expected_reasons[expected.reason].packets++;
    expected_reasons[expected.reason].bytes += expected.bytes;
  }
  const Reasons reasons = program()->reasons();
  for (size_t reason = 0; reason < reasons.size(); ++reason) {
    EXPECT_EQ(reasons[reason].packets, expected_reasons[reason].packets) << "reason " << reason;
    EXPECT_EQ(reasons[reason].bytes, expected_reasons[reason].bytes) << "reason " << reason;
    // The same two as in the table test: nothing random reaches them.
    if (reason == TP_PASS_HEADROOM || reason == TP_DROP_REWRITE) continue;
    EXPECT_GT(reasons[reason].packets, 0u) << "reason " << reason << " was never reached";
  }
}

}  // namespace
}  // namespace turnpike::bpf_test
