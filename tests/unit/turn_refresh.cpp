// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;

Fill family(uint8_t number) {
  return attribute(AttributeType::kRequestedAddressFamily, {number, 0, 0, 0});
}

TEST(TurnRefresh, ProlongsTheAllocation) {
  World world;
  Client client(world, 1);
  client.allocated();
  world.advance(Seconds(100));
  EXPECT_EQ(client.refresh(),
            (Lines{"set #1 t+700", "answer 198.51.100.7:1 refresh 200 lifetime=600 signed=alice"}));
  EXPECT_EQ(client.refresh(1000, family(1)),
            (Lines{"set #1 t+1100", "answer 198.51.100.7:1 refresh 200 lifetime=1000 signed=alice"}));
  EXPECT_EQ(client.refresh(10000)[0], "set #1 t+3700");
  EXPECT_EQ(client.refresh(1)[0], "set #1 t+700");
}

TEST(TurnRefresh, DeletesWithLifetimeZero) {
  World world;
  Client client(world, 1);
  const Endpoint relayed = client.allocated();
  client.bind(0x4000, "203.0.113.9:9");
  EXPECT_EQ(client.refresh(0),
            (Lines{"unbind #1 4000", "forbid #1 203.0.113.9", "remove #1", "release " + relayed.to_string(),
                   "event deleted #1 alice", "answer 198.51.100.7:1 refresh 200 lifetime=0 signed=alice"}));
  EXPECT_FALSE(world.ports->owned(relayed));
  EXPECT_EQ(world.quota.total, 0);
  EXPECT_EQ(world.server->allocation_count(), 0u);
  EXPECT_EQ(world.server->permission_count(), 0u);
  EXPECT_EQ(world.server->channel_count(), 0u);
  EXPECT_EQ(world.server->next_timeout(), std::nullopt);
  EXPECT_EQ(client.refresh(0).back(), "answer 198.51.100.7:1 refresh 437 signed=alice");
}

TEST(TurnRefresh, RefusesWhatDoesNotFit) {
  World world;
  Client client(world, 1);
  client.allocated();
  const auto refused = [](const std::string& code, const std::string& reason) {
    return Lines{"event refused " + code + " " + reason,
                 "answer 198.51.100.7:1 refresh " + code + " signed=alice"};
  };
  const std::string mismatch = "family of no relayed address of the allocation";
  EXPECT_EQ(client.refresh(600, family(2)), refused("443", mismatch));
  EXPECT_EQ(client.refresh(0, family(2)), refused("443", mismatch));
  EXPECT_EQ(client.refresh(0, family(9)), refused("443", mismatch));
  EXPECT_EQ(client.refresh(0, attribute(AttributeType::kRequestedAddressFamily, {})),
            refused("400", "malformed REQUESTED-ADDRESS-FAMILY"));
  EXPECT_EQ(client.refresh(std::nullopt, attribute(AttributeType::kLifetime, {0, 0})),
            refused("400", "malformed LIFETIME"));
  EXPECT_EQ(Client(world, 2).refresh().front(), "event refused 437 no allocation");
  EXPECT_EQ(world.server->allocation_count(), 1u);
}

}  // namespace
}  // namespace turnpike::turn::test
