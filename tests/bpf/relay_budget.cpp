// SPDX-License-Identifier: Apache-2.0
//
// Budgets of sources over bursts of requests.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "expect_outcome.h"
#include "relay_program.h"
#include "stun_bytes.h"

namespace turnpike::bpf_test {
namespace {

constexpr uint64_t kHour = 3'600'000'000'000ull << TP_TICK_SHIFT;

Octets request_from(const char* source, const char* server, uint16_t type) {
  Frame frame;
  frame.source = at(source);
  frame.destination = at(server);
  frame.payload = stun(type, {});
  return to_bytes(frame);
}

uint64_t count(uint32_t verdict, const Octets& packet, int packets) {
  uint64_t matching = 0;
  for (int i = 0; i < packets; ++i)
    matching += program()->run(packet).verdict == verdict;
  return matching;
}

TEST(RelayBudget, RequestsOfASourceAreCountedExactly) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.control.request_cost = kHour;
  world.control.request_burst = 4 * kHour + kHour / 2;
  program()->load(world);
  const char* const v4 = "203.0.113.1:3478";
  EXPECT_EQ(count(XDP_PASS, request_from("198.51.100.77:1000", v4, kAllocateRequest), 3), 3u);
  // Another port is the same source, another address is not.
  EXPECT_EQ(count(XDP_PASS, request_from("198.51.100.77:1001", v4, kAllocateRequest), 9), 2u);
  EXPECT_EQ(count(XDP_PASS, request_from("198.51.100.78:1000", v4, kAllocateRequest), 9), 5u);
  const char* const v6 = "[2001:db8::1]:3478";
  EXPECT_EQ(count(XDP_PASS, request_from("[2001:db8:9::1]:1000", v6, kAllocateRequest), 3), 3u);
  EXPECT_EQ(count(XDP_PASS, request_from("[2001:db8:9::ffff:0:2]:1000", v6, kBindingRequest), 9), 2u);
  EXPECT_EQ(count(XDP_PASS, request_from("[2001:db8:9:1::1]:1000", v6, kAllocateRequest), 9), 5u);
  EXPECT_EQ(program()->reasons()[TP_DROP_SOURCE_BUDGET].packets, 7u + 4 + 7 + 4);
}

TEST(RelayBudget, KnownClientSpendsNothing) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.control.request_cost = kHour;
  world.control.request_burst = 2 * kHour;
  program()->load(world);
  EXPECT_EQ(count(XDP_PASS, request_from("198.51.100.10:40000", "203.0.113.1:3478", kAllocateRequest), 20),
            20u);
  EXPECT_EQ(count(XDP_PASS, request_from("198.51.100.10:40001", "203.0.113.1:3478", kAllocateRequest), 20),
            3u);
}

// What is answered costs the other budget; beyond that, a Binding request is a request like any other.
TEST(RelayBudget, AnswersHaveTheirOwn) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.control.flags = TP_CONTROL_ANSWER_BINDING;
  world.control.request_cost = world.control.binding_cost = kHour;
  world.control.request_burst = 2 * kHour;
  world.control.binding_burst = 4 * kHour;
  program()->load(world);
  const Octets packet = request_from("198.51.100.77:1000", "203.0.113.1:3478", kBindingRequest);
  for (int i = 0; i < 12; ++i)
    program()->run(packet);
  EXPECT_EQ(program()->reasons()[TP_ANSWERED_BINDING].packets, 5u);
  EXPECT_EQ(program()->reasons()[TP_PASS_STUN].packets, 3u);
  EXPECT_EQ(program()->reasons()[TP_DROP_SOURCE_BUDGET].packets, 4u);
}

}  // namespace
}  // namespace turnpike::bpf_test
