// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

TEST(TurnServer, DeallocatesWhenLifetimeExpires) {
  World world;
  Client client(world, 1);
  const std::string relayed = client.allocated().to_string();
  EXPECT_EQ(world.server->next_timeout(), world.began + Seconds(600));
  world.advance(Seconds(600) - Nanoseconds(1));
  EXPECT_EQ(world.timeout(), Lines{});
  EXPECT_EQ(world.server->sessions(world.now).size(), 1u);
  world.advance(Nanoseconds(1));
  EXPECT_EQ(world.server->sessions(world.now).size(), 0u);
  EXPECT_EQ(world.timeout(), (Lines{"remove #1", "release " + relayed, "event expired #1 alice"}));
  EXPECT_EQ(world.server->next_timeout(), std::nullopt);
  EXPECT_EQ(world.quota.total, 0);
}

TEST(TurnServer, AnEventFindsNothingThatIsOverEvenBeforeTheTimerRuns) {
  World world;
  Client client(world, 1);
  const std::string relayed = client.allocated().to_string();
  client.bind(0x4000, "203.0.113.9:9");
  world.advance(Seconds(600));
  EXPECT_EQ(client.channel_data(0x4000, "x"), (Lines{"unbind #1 4000", "forbid #1 203.0.113.9", "remove #1",
                                                     "release " + relayed, "event expired #1 alice"}));
  EXPECT_EQ(world.server->drops(DropReason::kNoAllocation), 1u);
  EXPECT_EQ(client.refresh()[0], "event refused 437 no allocation");
  EXPECT_EQ(client.allocate().size(), 4u);
}

TEST(TurnServer, ARefreshedAllocationOutlivesItsFirstTimer) {
  World world;
  Client client(world, 1);
  client.allocated();
  world.advance(Seconds(500));
  client.refresh();
  world.advance(Seconds(100));
  EXPECT_EQ(world.timeout(), Lines{});
  EXPECT_EQ(world.server->next_timeout(), world.began + Seconds(1100));
  world.advance(Seconds(500));
  EXPECT_EQ(world.timeout().front(), "remove #1");
}

TEST(TurnServer, EndsSeveralThingsInTheOrderOfTheirTime) {
  World world;
  Client(world, 1).allocated();
  world.advance(Seconds(1));
  Client(world, 2).allocated();
  world.advance(Seconds(1000));
  const Lines lines = world.timeout();
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[0], "remove #1");
  EXPECT_EQ(lines[3], "remove #2");
}

TEST(TurnServer, ShowsItsSessions) {
  World world;
  Client client(world, 1);
  const Endpoint relayed = client.allocated();
  client.permit({"203.0.113.10"});
  world.advance(Seconds(1));
  client.bind(0x4000, "203.0.113.9:9");
  client.channel_data(0x4000, "hello");
  const auto sessions = world.server->sessions(world.now);
  ASSERT_EQ(sessions.size(), 1u);
  const SessionSnapshot& session = sessions[0];
  EXPECT_EQ(session.five_tuple, client.five_tuple);
  EXPECT_EQ(session.relayed, relayed);
  EXPECT_EQ(session.username, "alice");
  EXPECT_EQ(session.created, world.began);
  EXPECT_EQ(session.expires, world.began + Seconds(600));
  EXPECT_EQ(session.counters.to_peer_bytes, 5u);
  ASSERT_EQ(session.permissions.size(), 2u);
  EXPECT_EQ(session.permissions[1].expires, world.began + Seconds(300));
  ASSERT_EQ(session.channels.size(), 1u);
  EXPECT_EQ(session.channels[0].number, ChannelNumber{0x4000});
  EXPECT_EQ(session.channels[0].peer, at("203.0.113.9:9"));
  world.advance(Seconds(299));
  EXPECT_EQ(world.server->sessions(world.now)[0].permissions.size(), 1u);
}

}  // namespace
}  // namespace turnpike::turn::test
