// SPDX-License-Identifier: Apache-2.0
//
// Packets by chance through the program and through the model: the same reason, the same bytes, the same
// counters. TURNPIKE_SEED=n in the environment tries another sequence, TURNPIKE_PACKETS=n a longer one.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "expect_outcome.h"
#include "packet_maker.h"

namespace turnpike::bpf_test {
namespace {

uint32_t from_environment(const char* name, uint32_t otherwise) {
  const char* text = std::getenv(name);
  return text ? static_cast<uint32_t>(std::strtoul(text, nullptr, 0)) : otherwise;
}

using ChangeAllocation = std::function<void(World&, uint32_t)>;

// Ways in which an allocation's packets can fail.
std::vector<ChangeAllocation> troubles() {
  const auto each_binding = [](const std::function<void(tp_binding&)>& change) {
    return [=](World& world, uint32_t slot) {
      change(world.bindings[slot]);
      change(world.bindings[permission_slot(slot)]);
    };
  };
  const auto own = [](const std::function<void(tp_policer&)>& change) {
    return [=](World& world, uint32_t slot) { change(world.allocations[slot].policer); };
  };
  const auto users = [](const std::function<void(tp_policer&)>& change) {
    return [=](World& world, uint32_t slot) {
      world.allocations[slot].user = slot;
      change(world.users[slot].policer);
    };
  };
  const auto block = [](uint64_t expires) {
    return [=](World& world, uint32_t slot) {
      const IpAddress client = from_abi(world.bindings[slot].client).address;
      world.block(client.to_string().c_str(), 32, expires);
    };
  };
  const auto no_rate = [](tp_policer& policer) {
    policer.packet_cost = 1;
    policer.packets_at[TP_TO_PEER] = kFarAhead;
  };
  // So much that no run reaches it, or nothing: what is used up meanwhile must not matter.
  const auto no_quota = [](tp_policer& policer) { policer.quota = policer.used = 1; };
  return {each_binding([](tp_binding& binding) { binding.generation++; }),
          each_binding([](tp_binding& binding) { binding.generation = 0; }),
          each_binding([](tp_binding& binding) { binding.channel_expires = kPast; }),
          each_binding([](tp_binding& binding) { binding.permission_expires = kPast; }),
          each_binding([](tp_binding& binding) { binding.peer_next_hop = kUnresolved; }),
          each_binding([](tp_binding& binding) { binding.client_next_hop = kSlots; }),
          [](World& world, uint32_t slot) { world.allocations[slot].expires = kPast; },
          [](World& world, uint32_t slot) { world.bindings[client_slot(slot)].generation = 0; },
          [](World& world, uint32_t slot) { world.remove_permission_flow(slot); },
          [](World& world, uint32_t slot) { world.remove_peer_flow(slot); },
          block(kNever),
          block(kPast),
          [](World& world, uint32_t slot) {
            world.budget(from_abi(world.bindings[slot].client).address) = {kFarAhead, kFarAhead};
          },
          own(no_rate),
          own(no_quota),
          users(no_rate),
          users(no_quota)};
}

// The standard world, its kinds again with each trouble, and hairpins that only a permission leads back to.
World troubled_world() {
  World world = standard_world();
  uint32_t slot = 16;
  for (const ChangeAllocation& trouble : troubles()) {
    const auto octet = static_cast<uint8_t>(100 + slot);
    const auto port = static_cast<uint16_t>(50000 + slot);
    const bool v6 = slot % 2 == 0;
    world.bind(slot, static_cast<uint16_t>(0x4000 + slot), {IpAddress::v4(198, 51, 100, octet), 40000},
               at("203.0.113.1:3478"), {v6 ? address_of("2001:db8::1") : IpAddress::v4(203, 0, 113, 1), port},
               {v6 ? address_of("2001:db8:2::77") : IpAddress::v4(192, 0, 2, octet), 6000});
    trouble(world, slot++);
  }
  world.add_vlan({{0x8100, 5}});
  world.add_vlan({{0x88a8, 0x123}, {0x8100, 5}});
  world.next_hops[kPeerSide].mtu = 1280;
  world.next_hops[kPeerSide].vlan_protocol[0] = htons(0x8100);
  world.next_hops[kPeerSide].vlan_tag[0] = htons(9);
  world.translate("203.0.113.1", "100.64.0.1");
  world.control.flags = TP_CONTROL_ANSWER_BINDING;
  world.control.request_cost = 1;
  world.control.request_burst = world.control.binding_burst = kFarAhead >> 1;
  // Erin is told nothing back; Carol's and Dave's channels back are gone: permissions lead there.
  world.remove_peer_flow(kErin);
  world.remove_permission_flow(kErin);
  world.remove_peer_flow(kCarol);
  world.remove_peer_flow(kDave);
  return world;
}

TEST(RelayRandom, AgreesWithTheModel) {
  ASSERT_NE(program(), nullptr);
  const World world = troubled_world();
  program()->load(world);
  const uint32_t seed = from_environment("TURNPIKE_SEED", 20240817);
  std::printf("seed %u\n", seed);
  PacketMaker maker(world, seed);
  Reasons moved{};
  std::map<uint32_t, tp_allocation_counters> counters;
  const auto add = [](tp_counter& sum, const tp_counter& more) {
    sum.packets += more.packets;
    sum.bytes += more.bytes;
  };
  const uint32_t packets = from_environment("TURNPIKE_PACKETS", 250'000);
  for (uint32_t i = 0; i < packets && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("packet " + std::to_string(i));
    const Octets packet = maker.next();
    const Outcome outcome = program()->run(packet);
    const Expected expected = expect_output(world, packet, outcome.output);
    expect_outcome(outcome, expected);
    add(moved[expected.reason], {1, expected.bytes});
    for (const auto& [slot, more] : expected.counters) {
      add(counters[slot].to_peer, more.to_peer);
      add(counters[slot].to_client, more.to_client);
      add(counters[slot].refused, more.refused);
    }
  }
  const Reasons reasons = program()->reasons();
  for (size_t reason = 0; reason < reasons.size(); ++reason) {
    EXPECT_EQ(reasons[reason].packets, moved[reason].packets) << name_of(reason);
    EXPECT_EQ(reasons[reason].bytes, moved[reason].bytes) << name_of(reason);
    // The same two as in the table: nothing random reaches them.
    if (reason == TP_PASS_ROOM || reason == TP_DROP_REWRITE) continue;
    EXPECT_GT(reasons[reason].packets, 0u) << name_of(reason) << " was never reached";
  }
  for (uint32_t slot = 0; slot < kSlots; ++slot)
    expect_same(program()->counters(slot), counters[slot]);
}

}  // namespace
}  // namespace turnpike::bpf_test
