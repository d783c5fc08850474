// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <set>

#include "expect_outcome.h"
#include "relay_program.h"
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

// Exactly one packet, for exactly one reason.
void expect_counted(const Reasons& reasons, const Row& row) {
  for (size_t reason = 0; reason < reasons.size(); ++reason) {
    const bool moved = reason == row.reason;
    EXPECT_EQ(reasons[reason].packets, moved ? 1u : 0u) << name_of(reason);
    EXPECT_EQ(reasons[reason].bytes, moved ? row.bytes : 0u) << name_of(reason);
  }
}

// A packet that is not relayed moves no counter of an allocation but `refused`.
void expect_allocations_counted(const Row& row, const Expected& expected) {
  for (const auto& [slot, allocation] : row.world.allocations) {
    const auto moved = expected.counters.find(slot);
    expect_same(program()->counters(slot),
                moved == expected.counters.end() ? tp_allocation_counters{} : moved->second);
  }
}

void expect_told(const Expected& expected, const Row& row) {
  for (const tp_event& event : program()->events()) {
    if (event.kind == TP_EVENT_TOO_BIG) {
      EXPECT_EQ(event.mtu, expected.too_big_mtu);
      EXPECT_EQ(event.allocation, expected.too_big_for);
      EXPECT_EQ(event.reason, static_cast<uint32_t>(TP_PASS_MTU));
      EXPECT_EQ(event.length, row.packet.size());
      EXPECT_EQ(Octets(event.data, event.data + event.captured),
                Octets(row.packet.begin(), row.packet.begin() + event.captured));
      EXPECT_EQ(event.captured, std::min<size_t>(row.packet.size(), TP_EVENT_DATA));
      return;
    }
    EXPECT_EQ(event.kind, static_cast<uint32_t>(TP_EVENT_LIMIT));
    EXPECT_EQ(event.reason, static_cast<uint32_t>(row.reason));
  }
  EXPECT_EQ(expected.too_big_mtu, 0u) << "no event";
}

// One test for all rows, since each test is a process that loads the program; a failure names its row.
TEST(RelayTable, Rows) {
  ASSERT_NE(program(), nullptr);
  for (const Row& row : all_rows()) {
    SCOPED_TRACE(row.name);
    program()->load(row.world);
    const Outcome outcome = program()->run(row.packet);
    const Expected expected = expect_output(row.world, row.packet, outcome.output);
    expect_outcome(outcome, expected);
    expect_counted(program()->reasons(), row);
    expect_allocations_counted(row, expected);
    expect_told(expected, row);
  }
}

// The model of the random test is only as good as this.
TEST(RelayTable, ModelAgrees) {
  for (const Row& row : all_rows()) {
    SCOPED_TRACE(row.name);
    const Expected expected = expect(row.world, row.packet);
    EXPECT_EQ(expected.reason, row.reason) << name_of(expected.reason);
    EXPECT_EQ(expected.bytes, row.bytes);
    EXPECT_EQ(expected.output == row.packet, !is_relayed(row.reason) && row.reason != TP_ANSWERED_BINDING);
  }
}

TEST(RelayTable, NamesAreUnique) {
  std::set<std::string> names;
  for (const Row& row : all_rows())
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
}

TEST(RelayReasons, TableHasEveryReason) {
  std::set<std::string> missing;
  for (uint32_t reason = 0; reason < TP_REASON_COUNT; ++reason)
    missing.insert(name_of(reason));
  for (const Row& row : all_rows())
    missing.erase(name_of(row.reason));
  // Room runs out in a test of its own, below. A rewrite cannot fail once the head has moved: the frame is as
  // long as was checked, and only the verifier needs to be told so.
  EXPECT_EQ(missing, (std::set<std::string>{name_of(TP_PASS_ROOM), name_of(TP_DROP_REWRITE)}));
}

// A relay whose output is its own input: each repetition adds a header until the 256 bytes that a test run
// leaves before the packet are used up. Then the packet must pass as it was.
TEST(RelayReasons, PassesUntouchedWithoutRoom) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.steer.clear();
  world.flows.clear();
  const Endpoint here = at("203.0.113.1:50001"), there = at("192.0.2.20:6000");
  world.bind(kV4, 0x4001, here, there, here, there);
  world.steer.clear();
  world.own_addresses.clear();
  Frame frame = from_peer(world, kV4, pattern(8, 0x81));
  frame.ttl = 255;
  program()->load(world);
  const Outcome outcome = program()->run(to_bytes(frame), 100);
  const Reasons reasons = program()->reasons();
  const uint64_t rounds = reasons[TP_RELAYED_TO_CLIENT].packets;
  EXPECT_GE(rounds, 40u);
  EXPECT_EQ(reasons[TP_PASS_ROOM].packets, 100 - rounds);
  EXPECT_EQ(outcome.verdict, static_cast<uint32_t>(XDP_PASS));
  Octets expected = to_bytes(frame);
  for (uint64_t i = 0; i < rounds; ++i)
    expected = expect(world, expected).output;
  EXPECT_EQ(outcome.output, expected);
}

}  // namespace
}  // namespace turnpike::bpf_test
