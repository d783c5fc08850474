// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;

const std::string kGranted = "answer 198.51.100.7:1 create_permission 200 signed=alice";

Lines refused(const std::string& code, const std::string& reason) {
  return {"event refused " + code + " " + reason,
          "answer 198.51.100.7:1 create_permission " + code + " signed=alice"};
}

TEST(TurnPermission, LetsSeveralPeersThrough) {
  World world;
  Client client(world, 1);
  const Endpoint relayed = client.allocated();
  EXPECT_EQ(client.permit({"203.0.113.9", "203.0.113.10"}),
            (Lines{"permit #1 203.0.113.9 t+300", "permit #1 203.0.113.10 t+300", kGranted}));
  EXPECT_EQ(world.server->permission_count(), 2u);
  for (const char* peer : {"203.0.113.9:9", "203.0.113.10:10"})
    EXPECT_EQ(client.send_data(peer, "x"),
              Lines{"peer " + relayed.to_string() + " -> " + peer + " \"x\" ttl=63 tc=0"});
}

TEST(TurnPermission, IsAllOrNothing) {
  World world;
  Client client(world, 1);
  client.allocated();
  world.peers.forbidden_addresses = {ip("203.0.113.66")};
  EXPECT_EQ(client.permit({"203.0.113.9", "203.0.113.66"}), refused("403", "forbidden address"));
  EXPECT_EQ(client.permit({"203.0.113.9", "2001:db8::9"}),
            refused("443", "peer of another family than the relayed address"));
  EXPECT_EQ(world.server->permission_count(), 0u);
}

TEST(TurnPermission, RefusesMissingAndMalformedPeers) {
  World world;
  Client client(world, 1);
  EXPECT_EQ(client.permit({"203.0.113.9"}), refused("437", "no allocation"));
  client.allocated();
  EXPECT_EQ(client.permit({}), refused("400", "no XOR-PEER-ADDRESS"));
  const Datagram malformed = client.request(stun::Method::kCreatePermission,
                                            attribute(AttributeType::kXorPeerAddress, {0, 1, 2, 3}));
  EXPECT_EQ(client.send(malformed), refused("400", "malformed XOR-PEER-ADDRESS"));
}

TEST(TurnPermission, CountsAnAddressThatIsNamedTwiceOnce) {
  Options options;
  options.max_permissions = 2;
  World world(options);
  Client client(world, 1);
  client.allocated();
  EXPECT_EQ(client.permit({"203.0.113.9", "203.0.113.9", "203.0.113.10"}),
            (Lines{"permit #1 203.0.113.9 t+300", "permit #1 203.0.113.10 t+300", kGranted}));
  EXPECT_EQ(world.server->permission_count(), 2u);
  EXPECT_EQ(client.permit({"203.0.113.9", "203.0.113.11"}), refused("508", "too many permissions"));
  EXPECT_EQ(client.permit({"203.0.113.10", "203.0.113.9"}), Lines{kGranted});
}

TEST(TurnPermission, EndsAfterThreeHundredSeconds) {
  World world;
  Client client(world, 1);
  const Endpoint relayed = client.allocated();
  client.permit({"203.0.113.9"});
  EXPECT_EQ(world.server->next_timeout(), world.began + Seconds(300));
  world.advance(Seconds(300) - Nanoseconds(1));
  EXPECT_EQ(client.send_data("203.0.113.9:9", "x").size(), 1u);
  EXPECT_EQ(world.from_peer("y", at("203.0.113.9:9"), relayed).size(), 1u);
  world.advance(Nanoseconds(1));
  EXPECT_EQ(client.send_data("203.0.113.9:9", "x"), Lines{"forbid #1 203.0.113.9"});
  EXPECT_EQ(world.from_peer("y", at("203.0.113.9:9"), relayed), Lines{});
  EXPECT_EQ(world.server->drops(DropReason::kNoPermission), 2u);
  EXPECT_EQ(world.server->permission_count(), 0u);
  EXPECT_EQ(world.server->next_timeout(), world.began + Seconds(600));
}

TEST(TurnPermission, ItsRefreshMovesTheExpiryOfItsChannels) {
  World world;
  Client client(world, 1);
  const std::string relayed = client.allocated().to_string();
  client.bind(0x4000, "203.0.113.9:9");
  client.bind(0x4001, "203.0.113.9:10");
  client.bind(0x4002, "203.0.113.10:9");
  world.advance(Seconds(100));
  EXPECT_EQ(
      client.permit({"203.0.113.9"}),
      (Lines{"permit #1 203.0.113.9 t+400",
             "install #1 4000 198.51.100.7:1 " + relayed + " 203.0.113.9:9 channel t+600 permission t+400",
             "install #1 4001 198.51.100.7:1 " + relayed + " 203.0.113.9:10 channel t+600 permission t+400",
             kGranted}));
}

TEST(TurnPermission, RefreshesWithinASecondInstallNothingAnew) {
  World world;
  Client client(world, 1);
  const Endpoint relayed = client.allocated();
  client.bind(0x4000, "203.0.113.9:9");
  world.advance(Nanoseconds(1));
  EXPECT_EQ(client.permit({"203.0.113.9"})[1], "install #1 4000 198.51.100.7:1 " + relayed.to_string() +
                                                   " 203.0.113.9:9 channel t+600 permission t+301");
  world.advance(Seconds(1) - Nanoseconds(1));
  EXPECT_EQ(client.permit({"203.0.113.9"}), Lines{kGranted});
  world.advance(Seconds(300) - Nanoseconds(1));
  EXPECT_EQ(client.send_data("203.0.113.9:9", "x").size(), 1u);  // never early
  world.advance(Nanoseconds(1));
  EXPECT_EQ(client.send_data("203.0.113.9:9", "x"), Lines{"forbid #1 203.0.113.9"});
}

TEST(TurnPermission, IsNotRefreshedByData) {
  World world;
  Client client(world, 1);
  const Endpoint relayed = client.allocated();
  client.permit({"203.0.113.9"});
  world.advance(Seconds(299));
  client.send_data("203.0.113.9:9", "x");
  world.from_peer("y", at("203.0.113.9:9"), relayed);
  world.advance(Seconds(1));
  EXPECT_EQ(client.send_data("203.0.113.9:9", "x"), Lines{"forbid #1 203.0.113.9"});
}

}  // namespace
}  // namespace turnpike::turn::test
