// SPDX-License-Identifier: Apache-2.0
//
// What is refused by rates, quotas and sources rather than by the protocol.
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

TEST(TurnLimits, ChargesApplicationDataByDirection) {
  Call call;
  call.client.send_data("203.0.113.9:9", "three");
  call.world.from_peer("seven..", call.peer, call.relayed);
  EXPECT_EQ(call.world.limits.charged[static_cast<size_t>(Direction::kToPeer)], 5u);
  EXPECT_EQ(call.world.limits.charged[static_cast<size_t>(Direction::kToClient)], 7u);
}

TEST(TurnLimits, TellsOfRefusalsOnceASecond) {
  Call call;
  call.world.limits.refusal = "over the allocation's rate";
  const Lines limited{"event limited #1 alice over the allocation's rate"};
  EXPECT_EQ(call.client.send_data("203.0.113.9:9", "x"), limited);
  EXPECT_EQ(call.world.from_peer("x", call.peer, call.relayed), Lines{});
  call.world.advance(Seconds(1) - Nanoseconds(1));
  EXPECT_EQ(call.client.send_data("203.0.113.9:9", "x"), Lines{});
  call.world.advance(Nanoseconds(1));
  EXPECT_EQ(call.world.from_peer("x", call.peer, call.relayed), limited);
  EXPECT_EQ(call.drops(DropReason::kOverLimit), 4u);
  EXPECT_EQ(call.world.server->counters(), Counters{});
}

TEST(TurnLimits, ChargesNothingThatIsDroppedAnyway) {
  Call call;
  call.client.send_data("203.0.113.10:9", "no permission");
  call.client.send_data("203.0.113.9:9", "far enough", {1, 0, false});
  call.world.from_peer("far enough", call.peer, call.relayed, {1, 0, false});
  for (const size_t charged : call.world.limits.charged)
    EXPECT_EQ(charged, 0u);
}

TEST(TurnSources, ABlockedOneIsNotRead) {
  Call call;
  call.world.sources.blocked_addresses = {ip("198.51.100.7"), ip("203.0.113.9")};
  EXPECT_EQ(call.client.refresh(), Lines{});
  EXPECT_EQ(call.client.send({}), Lines{});
  EXPECT_EQ(call.world.from_peer("x", call.peer, call.relayed), Lines{});
  EXPECT_EQ(call.drops(DropReason::kBlocked), 3u);
  call.world.sources.blocked_addresses.clear();
  EXPECT_EQ(call.client.refresh().size(), 2u);
}

TEST(TurnSources, RequestsWithoutAnAllocationHaveABudget) {
  Call call;
  call.world.sources.requests = 1;
  Client stranger(call.world, 2);
  EXPECT_EQ(stranger.refresh().size(), 2u);
  EXPECT_EQ(stranger.allocate(), Lines{});
  EXPECT_EQ(stranger.send_data("203.0.113.9:9", "no request"), Lines{});
  EXPECT_EQ(call.drops(DropReason::kSourceBudget), 1u);
  EXPECT_EQ(call.client.refresh().size(), 2u);  // has an allocation
}

TEST(TurnSources, AWrongFingerprintIsChargedToo) {
  Call call;
  call.world.sources.requests = 1;
  Client stranger(call.world, 2);
  Datagram request = stranger.request(stun::Method::kRefresh, {}, true);
  request.back() ^= 1;
  EXPECT_EQ(stranger.send(request), Lines{});
  EXPECT_EQ(call.drops(DropReason::kMalformedStun), 1u);
  EXPECT_EQ(stranger.refresh(), Lines{});
  EXPECT_EQ(call.drops(DropReason::kSourceBudget), 1u);
}

}  // namespace
}  // namespace turnpike::turn::test
