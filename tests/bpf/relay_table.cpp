// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <ctime>
#include <set>

#include "model.h"
#include "relay_program.h"
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

std::vector<Row> all_rows() {
  std::vector<Row> rows = relayed_rows();
  for (Row& row : passed_rows())
    rows.push_back(std::move(row));
  return rows;
}

const char* name_of(size_t reason) {
  static const char* const kNames[] = {
#define REASON_NAME(name, text, meaning) text,
      TP_REASONS(REASON_NAME)
#undef REASON_NAME
  };
  return kNames[reason];
}

// Exactly one packet, for exactly one reason.
void expect_counted(const Reasons& reasons, const Row& row) {
  for (size_t reason = 0; reason < reasons.size(); ++reason) {
    const bool moved = reason == row.reason;
    EXPECT_EQ(reasons[reason].packets, moved ? 1u : 0u) << name_of(reason);
    EXPECT_EQ(reasons[reason].bytes, moved ? row.bytes : 0u) << name_of(reason);
  }
}

// One test for all rows, since each test is a process that loads the program; a failure names its row.
TEST(RelayTable, Rows) {
  ASSERT_NE(program(), nullptr);
  for (const Row& row : all_rows()) {
    SCOPED_TRACE(row.name);
    program()->load(row.world);
    const Outcome outcome = program()->run(row.packet);
    EXPECT_EQ(outcome.verdict, static_cast<uint32_t>(row.output ? XDP_REDIRECT : XDP_PASS));
    EXPECT_EQ(outcome.output, row.output.value_or(row.packet));
    expect_counted(program()->reasons(), row);
  }
}

// The model of the random test is only as good as this.
TEST(RelayTable, ModelAgrees) {
  for (const Row& row : all_rows()) {
    SCOPED_TRACE(row.name);
    const Expected expected = expect(row.world, row.packet);
    EXPECT_EQ(expected.reason, row.reason) << name_of(expected.reason);
    EXPECT_EQ(expected.output, row.output.value_or(row.packet));
    EXPECT_EQ(expected.bytes, row.bytes);
  }
}

TEST(RelayTable, NamesAreUnique) {
  std::set<std::string> names;
  for (const Row& row : all_rows())
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
}

TEST(RelayReasons, TableHasEveryReason) {
  std::set<uint32_t> missing;
  for (uint32_t reason = 0; reason < TP_REASON_COUNT; ++reason)
    missing.insert(reason);
  for (const Row& row : all_rows())
    missing.erase(row.reason);
  // Headroom runs out in a test of its own, below. A rewrite cannot fail once the head has moved: the frame
  // is as long as was checked, and only the verifier needs to be told so.
  EXPECT_EQ(missing, (std::set<uint32_t>{TP_PASS_HEADROOM, TP_DROP_REWRITE}));
}

// A relay whose output is its own input: each repetition adds a ChannelData header until the 256 bytes that a
// test run leaves before the packet are used up. Then the packet must pass as it was.
TEST(RelayReasons, PassesUntouchedWithoutHeadroom) {
  ASSERT_NE(program(), nullptr);
  World world;
  world.next_hops = standard_world().next_hops;
  const Endpoint here = at("203.0.113.1:50001"), there = at("192.0.2.20:6000");
  world.bind(kV4, 0x4001, here, there, here, there);
  Frame frame = from_peer(world, kV4, pattern(8));
  frame.ttl = 255;
  program()->load(world);
  const Outcome outcome = program()->run(to_bytes(frame), 100);
  const Reasons reasons = program()->reasons();
  const uint64_t rounds = reasons[TP_RELAYED_TO_CLIENT].packets;
  EXPECT_GE(rounds, 40u);
  EXPECT_EQ(reasons[TP_PASS_HEADROOM].packets, 100 - rounds);
  EXPECT_EQ(outcome.verdict, static_cast<uint32_t>(XDP_PASS));
  Octets expected = to_bytes(frame);
  for (uint64_t i = 0; i < rounds; ++i)
    expected = expect(world, expected).output;
  EXPECT_EQ(outcome.output, expected);
}

uint64_t monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

TEST(RelayCounters, CountEachDirectionOfABinding) {
  ASSERT_NE(program(), nullptr);
  const World world = standard_world();
  program()->load(world);
  const uint64_t before = monotonic_now();
  program()->run(to_bytes(from_client(world, kV4, pattern(7), pattern(1))));
  program()->run(to_bytes(from_peer(world, kV4, pattern(100))));
  program()->run(to_bytes(from_peer(world, kV4, {})));
  const tp_binding_counters counters = program()->counters(kV4);
  EXPECT_EQ(counters.to_peer.packets, 1u);
  EXPECT_EQ(counters.to_peer.bytes, 7u);
  EXPECT_EQ(counters.to_client.packets, 2u);
  EXPECT_EQ(counters.to_client.bytes, 100u);
  EXPECT_GE(counters.last_seen, before);
  EXPECT_LE(counters.last_seen, monotonic_now());
}

TEST(RelayCounters, HairpinMovesBothBindings) {
  ASSERT_NE(program(), nullptr);
  const World world = standard_world();
  program()->load(world);
  program()->run(to_bytes(from_client(world, kAlice, pattern(33))));
  const tp_binding_counters alice = program()->counters(kAlice), bob = program()->counters(kBob);
  EXPECT_EQ(alice.to_peer.packets, 1u);
  EXPECT_EQ(alice.to_peer.bytes, 33u);
  EXPECT_EQ(alice.to_client.packets, 0u);
  EXPECT_EQ(bob.to_client.packets, 1u);
  EXPECT_EQ(bob.to_client.bytes, 33u);
  EXPECT_EQ(bob.to_peer.packets, 0u);
  EXPECT_EQ(alice.last_seen, bob.last_seen);
}

TEST(RelayCounters, RefusedPacketMovesNoBinding) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.bindings[kV4].peer_next_hop = kUnresolved;
  program()->load(world);
  program()->run(to_bytes(from_client(world, kV4, pattern(7))));
  EXPECT_EQ(program()->counters(kV4).to_peer.packets, 0u);
  EXPECT_EQ(program()->counters(kV4).last_seen, 0u);
}

// An expiry is against the kernel's clock: one just ahead still lets pass.
TEST(RelayExpiry, ComparesWithTheMonotonicClock) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  const Octets packet = to_bytes(from_client(world, kV4, pattern(7)));
  world.bindings[kV4].channel_expires = monotonic_now() + 3'600'000'000'000;
  program()->load(world);
  EXPECT_EQ(program()->run(packet).verdict, static_cast<uint32_t>(XDP_REDIRECT));
  world.bindings[kV4].channel_expires = monotonic_now();
  program()->load(world);
  EXPECT_EQ(program()->run(packet).verdict, static_cast<uint32_t>(XDP_PASS));
}

}  // namespace
}  // namespace turnpike::bpf_test
