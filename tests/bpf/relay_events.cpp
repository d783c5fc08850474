// SPDX-License-Identifier: Apache-2.0
//
// What the program reports: traces of one allocation's packets. Limits and sizes are in their own tests.
#include <gtest/gtest.h>

#include "expect_outcome.h"
#include "relay_program.h"
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

World traced_world(uint32_t slot) {
  World world = standard_world();
  world.control.trace = world.allocations[slot].id;
  world.control.trace_cost = 1;
  world.control.trace_burst = kFarAhead >> 1;
  return world;
}

Octets data_of(const tp_event& event) {
  return {event.data, event.data + std::min<size_t>(event.captured, TP_EVENT_DATA)};
}

void expect_pair(const std::vector<tp_event>& events, const Octets& packet, const Outcome& outcome,
                 const Expected& expected) {
  ASSERT_EQ(events.size(), 2u);
  const tp_event &in = events[0], &out = events[1];
  EXPECT_EQ(in.kind, static_cast<uint32_t>(TP_EVENT_TRACE_IN));
  EXPECT_EQ(out.kind, static_cast<uint32_t>(TP_EVENT_TRACE_OUT));
  EXPECT_EQ(in.sequence, out.sequence);
  EXPECT_EQ(out.reason, static_cast<uint32_t>(expected.reason)) << name_of(out.reason);
  EXPECT_EQ(in.ifindex, kIngress);
  EXPECT_EQ(in.length, packet.size());
  EXPECT_EQ(data_of(in), Octets(packet.begin(), packet.begin() + in.captured));
  EXPECT_EQ(in.captured, std::min<size_t>(packet.size(), TP_EVENT_DATA));
  for (const tp_event& event : events) {
    EXPECT_EQ(event.allocation, expected.allocation);
    EXPECT_EQ(event.mtu, 0u);
    EXPECT_NE(event.time, 0u);
    EXPECT_LE(event.time, monotonic_now());
  }
  EXPECT_EQ(out.captured,
            is_relayed(expected.reason) ? std::min<size_t>(outcome.output.size(), TP_EVENT_DATA) : 0);
  if (!is_relayed(expected.reason)) return;
  EXPECT_EQ(out.ifindex, kIngress);  // of the next hops
  EXPECT_EQ(out.length, outcome.output.size());
  EXPECT_EQ(data_of(out), Octets(outcome.output.begin(), outcome.output.begin() + out.captured));
}

TEST(RelayTrace, HasEachPacketBeforeAndAfter) {
  ASSERT_NE(program(), nullptr);
  for (const Slot slot : {kV4, kV6, kV4ToV6, kV6ToV4, kAlice, kDave})
    for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted})
      for (const size_t size : {0, 1, 47, 48, 49, 160, 1200, 2100}) {
        if (is_hairpin(slot) && (form == kFromPeer || form == kFromPermitted)) continue;
        SCOPED_TRACE(std::string(name_of(form)) + " " + name_of(slot) + " " + std::to_string(size));
        World world = traced_world(slot);
        for (auto& [number, hop] : world.next_hops)
          hop.mtu = 9000;
        program()->load(world);
        const Octets packet = to_bytes(frame_in(form, world, slot, pattern(size)));
        const Outcome outcome = program()->run(packet);
        const Expected expected = expect_output(world, packet, outcome.output);
        expect_outcome(outcome, expected);
        expect_pair(program()->events(), packet, outcome, expected);
      }
}

TEST(RelayTrace, TellsWhyAPacketWasNotRelayed) {
  ASSERT_NE(program(), nullptr);
  const std::pair<tp_reason, ChangeWorld> cases[] = {
      {TP_PASS_NEXT_HOP, [](World& world) { world.next_hops[kPeerSide].generation = 0; }},
      {TP_PASS_MTU, [](World& world) { world.next_hops[kPeerSide].mtu = 40; }},
      {TP_DROP_ALLOCATION_RATE, [](World& world) {
         world.allocations[kV4].policer.packet_cost = 1;
         world.allocations[kV4].policer.packets_at[TP_TO_PEER] = kFarAhead;
       }}};
  for (const auto& [reason, change] : cases)
    for (const Form form : {kChannelData, kSend}) {
      SCOPED_TRACE(std::string(name_of(reason)) + " " + name_of(form));
      World world = traced_world(kV4);
      change(world);
      program()->load(world);
      const Octets packet = to_bytes(frame_in(form, world, kV4, pattern(20)));
      const Outcome outcome = program()->run(packet);
      auto events = program()->events();
      std::erase_if(events, [](const tp_event& event) { return event.kind == TP_EVENT_LIMIT; });
      const Expected expected = expect(world, packet);
      EXPECT_EQ(expected.reason, reason);
      expect_pair(events, packet, outcome, expected);
    }
}

TEST(RelayTrace, IsOfOneAllocationAlone) {
  ASSERT_NE(program(), nullptr);
  const World world = traced_world(kV4);
  program()->load(world);
  program()->run(to_bytes(from_client(world, kV6, pattern(20))));
  program()->run(to_bytes(from_client(world, kAlice, pattern(20))));
  EXPECT_EQ(program()->events().size(), 0u);
  program()->run(to_bytes(from_client(world, kV4, pattern(20))));
  program()->run(to_bytes(from_peer(world, kV4, pattern(20))));
  const auto events = program()->events();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_NE(events[0].sequence, events[2].sequence);
}

TEST(RelayTrace, KeepsItsRateAndCountsWhatItLeavesOut) {
  ASSERT_NE(program(), nullptr);
  World world = traced_world(kV4);
  world.control.trace_cost = kFarAhead >> 4;
  world.control.trace_burst = (kFarAhead >> 4) * 5 / 2;
  program()->load(world);
  for (int i = 0; i < 8; ++i)
    program()->run(to_bytes(from_client(world, kV4, pattern(20))));
  EXPECT_EQ(program()->events().size(), 2u * 3);
  EXPECT_EQ(program()->control().trace_lost, 5u);
  EXPECT_EQ(program()->reasons()[TP_RELAYED_TO_PEER].packets, 8u);
}

TEST(RelayTooBig, IsToldWithinItsRate) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.control.too_big_cost = kFarAhead >> 4;
  world.control.too_big_burst = (kFarAhead >> 4) * 5 / 2;
  program()->load(world);
  const Octets packet = to_bytes(from_client(world, kV6, pattern(1473)));
  for (int i = 0; i < 8; ++i)
    program()->run(packet);
  const auto events = program()->events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].mtu, 1504u);
  EXPECT_EQ(program()->reasons()[TP_PASS_MTU].packets, 8u);
}

}  // namespace
}  // namespace turnpike::bpf_test
