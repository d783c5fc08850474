// SPDX-License-Identifier: Apache-2.0
#include "expect_outcome.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <ctime>

namespace turnpike::bpf_test {
namespace {

uint32_t verdict_of(tp_reason reason) {
  if (is_pass(reason)) return XDP_PASS;
  return reason >= TP_DROP_REWRITE ? XDP_DROP : XDP_REDIRECT;
}

void expect_equal(const tp_counter& counter, const tp_counter& expected, const char* name) {
  EXPECT_EQ(counter.packets, expected.packets) << name;
  EXPECT_EQ(counter.bytes, expected.bytes) << name;
}

}  // namespace

void expect_outcome(const Outcome& outcome, const Expected& expected) {
  EXPECT_EQ(outcome.verdict, verdict_of(expected.reason)) << "expected " << name_of(expected.reason);
  if (verdict_of(expected.reason) == XDP_DROP) return;
  EXPECT_EQ(outcome.output, expected.output) << "expected " << name_of(expected.reason);
}

void expect_same(const tp_allocation_counters& counters, const tp_allocation_counters& expected) {
  expect_equal(counters.to_peer, expected.to_peer, "to_peer");
  expect_equal(counters.to_client, expected.to_client, "to_client");
  expect_equal(counters.refused, expected.refused, "refused");
  EXPECT_EQ(counters.last_seen != 0, expected.to_peer.packets + expected.to_client.packets != 0);
}

namespace {

uint64_t read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

uint64_t monotonic_now() {
  return read_clock(CLOCK_MONOTONIC);
}

uint64_t coarse_now() {
  return read_clock(CLOCK_MONOTONIC_COARSE);
}

}  // namespace turnpike::bpf_test
