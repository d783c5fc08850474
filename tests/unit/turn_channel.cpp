// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;

const std::string kBound = "answer 198.51.100.7:1 channel_bind 200 signed=alice";

Lines refused(const std::string& code, const std::string& reason) {
  return {"event refused " + code + " " + reason,
          "answer 198.51.100.7:1 channel_bind " + code + " signed=alice"};
}

TEST(TurnChannel, IsInTheKernelBeforeTheAnswerAndInstallsThePermission) {
  World world;
  Client client(world, 1);
  const std::string relayed = client.allocated().to_string();
  EXPECT_EQ(client.bind(0x4000, "203.0.113.9:9"), (Lines{"permit #1 203.0.113.9 t+300",
                                                         "install #1 4000 198.51.100.7:1 " + relayed +
                                                             " 203.0.113.9:9 channel t+600 permission t+300",
                                                         kBound}));
  EXPECT_EQ(world.server->permission_count(), 1u);
  EXPECT_EQ(world.server->channel_count(), 1u);
  EXPECT_EQ(client.channel_data(0x4000, "x"),
            Lines{"peer " + relayed + " -> 203.0.113.9:9 \"x\" ttl=63 tc=0"});
}

TEST(TurnChannel, BindingAgainRefreshesChannelAndPermission) {
  World world;
  Client client(world, 1);
  const std::string relayed = client.allocated().to_string();
  client.bind(0x4000, "203.0.113.9:9");
  world.advance(Seconds(200));
  EXPECT_EQ(client.bind(0x4000, "203.0.113.9:9"), (Lines{"permit #1 203.0.113.9 t+500",
                                                         "install #1 4000 198.51.100.7:1 " + relayed +
                                                             " 203.0.113.9:9 channel t+800 permission t+500",
                                                         kBound}));
  EXPECT_EQ(world.server->channel_count(), 1u);
  EXPECT_EQ(world.server->permission_count(), 1u);
}

TEST(TurnChannel, BindingInstallsNoOtherChannelWhosePermissionStays) {
  World world;
  Client client(world, 1);
  client.allocated();
  for (uint16_t i = 0; i < 100; ++i)
    EXPECT_EQ(client.bind(0x4000 + i, "203.0.113.9:" + std::to_string(100 + i)).size(), i == 0 ? 3u : 2u);
  world.advance(Seconds(1));
  EXPECT_EQ(client.bind(0x4000, "203.0.113.9:100").size(), 102u);  // all get the new expiry
}

TEST(TurnChannel, RefusesNumbersOutOfRange) {
  World world;
  Client client(world, 1);
  client.allocated();
  for (uint16_t number : {0x0000, 0x3fff, 0x8000, 0xffff})
    EXPECT_EQ(client.bind(number, "203.0.113.9:9"), refused("400", "channel number out of range"));
  EXPECT_EQ(client.bind(0x7fff, "203.0.113.9:9").back(), kBound);
}

TEST(TurnChannel, StrictRangeEndsEarlier) {
  Options options;
  options.strict_channels = true;
  World world(options);
  Client client(world, 1);
  client.allocated();
  EXPECT_EQ(client.bind(0x5000, "203.0.113.9:9"), refused("400", "channel number out of range"));
  EXPECT_EQ(client.bind(0x4fff, "203.0.113.9:9").back(), kBound);
}

TEST(TurnChannel, RefusesMissingAndMalformedAttributes) {
  World world;
  Client client(world, 1);
  const Fill number = [](stun::MessageBuilder& b) { b.add_channel_number(0x4000); };
  const Fill peer = [](stun::MessageBuilder& b) {
    b.add_xor_address(AttributeType::kXorPeerAddress, at("203.0.113.9:9"));
  };
  const auto bind = [&](const Fill& fill) {
    return client.send(client.request(stun::Method::kChannelBind, fill));
  };
  EXPECT_EQ(bind(both(number, peer)), refused("437", "no allocation"));
  client.allocated();
  EXPECT_EQ(bind(peer), refused("400", "no CHANNEL-NUMBER"));
  EXPECT_EQ(bind(number), refused("400", "no XOR-PEER-ADDRESS"));
  EXPECT_EQ(bind(both(attribute(AttributeType::kChannelNumber, {0x40, 0}), peer)),
            refused("400", "malformed CHANNEL-NUMBER"));
  EXPECT_EQ(bind(both(number, attribute(AttributeType::kXorPeerAddress, {}))),
            refused("400", "malformed XOR-PEER-ADDRESS"));
  EXPECT_EQ(world.server->channel_count(), 0u);
  EXPECT_EQ(world.server->permission_count(), 0u);
}

TEST(TurnChannel, RefusesOtherPairsPeersAndFamilies) {
  World world;
  Client client(world, 1);
  client.allocated();
  client.bind(0x4000, "203.0.113.9:9");
  world.peers.forbidden_endpoints = {at("203.0.113.9:3478")};
  EXPECT_EQ(client.bind(0x4000, "203.0.113.9:10"),
            refused("400", "the channel number belongs to another peer"));
  EXPECT_EQ(client.bind(0x4001, "203.0.113.9:9"), refused("400", "the peer has another channel number"));
  EXPECT_EQ(client.bind(0x4001, "[2001:db8::9]:9"),
            refused("443", "peer of another family than the relayed address"));
  EXPECT_EQ(client.bind(0x4001, "203.0.113.9:3478"), refused("403", "forbidden endpoint"));
}

TEST(TurnChannel, RefusesBeyondTheLimits) {
  Options options;
  options.max_channels = 2;
  options.max_permissions = 2;
  World world(options);
  Client client(world, 1);
  client.allocated();
  client.bind(0x4000, "203.0.113.9:9");
  client.permit({"203.0.113.10"});
  EXPECT_EQ(client.bind(0x4001, "203.0.113.11:9"), refused("508", "too many permissions"));
  client.bind(0x4001, "203.0.113.9:10");
  EXPECT_EQ(client.bind(0x4002, "203.0.113.9:11"), refused("508", "too many channels"));
  EXPECT_EQ(client.bind(0x4001, "203.0.113.9:10").back(), kBound);
}

TEST(TurnChannel, EndsAfterSixHundredSecondsThenRestsThreeHundred) {
  Options options;
  options.default_lifetime = Seconds(3000);
  World world(options);
  Client client(world, 1);
  client.allocated();
  client.bind(0x4000, "203.0.113.9:9");
  world.advance(Seconds(299));
  client.permit({"203.0.113.9"});
  world.advance(Seconds(300));
  client.permit({"203.0.113.9"});
  world.advance(Seconds(1) - Nanoseconds(1));
  EXPECT_EQ(client.channel_data(0x4000, "x").size(), 1u);
  world.advance(Nanoseconds(1));
  EXPECT_EQ(client.channel_data(0x4000, "x"), Lines{"rest #1 4000 203.0.113.9:9 t+900"});
  EXPECT_EQ(world.server->drops(DropReason::kChannelUnbound), 1u);
  EXPECT_EQ(world.server->channel_count(), 0u);
  EXPECT_EQ(client.permit({"203.0.113.9"}).size(), 2u);  // a resting channel is not installed again

  world.advance(Seconds(300) - Nanoseconds(1));
  EXPECT_EQ(client.bind(0x4000, "203.0.113.9:10"),
            refused("400", "the channel number belongs to another peer"));
  EXPECT_EQ(client.bind(0x4001, "203.0.113.9:9"), refused("400", "the peer has another channel number"));
  world.advance(Nanoseconds(1));
  EXPECT_EQ(world.timeout(), (Lines{"unbind #1 4000", "forbid #1 203.0.113.9"}));
  EXPECT_EQ(client.bind(0x4000, "203.0.113.9:10").back(), kBound);
  EXPECT_EQ(client.bind(0x4001, "203.0.113.9:9").back(), kBound);
}

TEST(TurnChannel, TheSamePairMayBeBoundAgainWhileItRests) {
  Options options;
  options.default_lifetime = Seconds(3000);
  options.max_channels = 1;
  World world(options);
  Client client(world, 1);
  const std::string relayed = client.allocated().to_string();
  client.bind(0x4000, "203.0.113.9:9");
  world.advance(Seconds(600));
  EXPECT_EQ(world.timeout(), (Lines{"rest #1 4000 203.0.113.9:9 t+900", "forbid #1 203.0.113.9"}));
  EXPECT_EQ(client.bind(0x4001, "203.0.113.9:10"), refused("508", "too many channels"));
  world.advance(Seconds(10));
  EXPECT_EQ(client.bind(0x4000, "203.0.113.9:9"), (Lines{"permit #1 203.0.113.9 t+910",
                                                         "install #1 4000 198.51.100.7:1 " + relayed +
                                                             " 203.0.113.9:9 channel t+1210 permission t+910",
                                                         kBound}));
  EXPECT_EQ(world.server->channel_count(), 1u);
  EXPECT_EQ(client.channel_data(0x4000, "x").size(), 1u);
}

TEST(TurnChannel, ALateTimerShortensNoRest) {
  Options options;
  options.default_lifetime = Seconds(3000);
  World world(options);
  Client client(world, 1);
  client.allocated();
  client.bind(0x4000, "203.0.113.9:9");
  world.advance(Seconds(900));
  EXPECT_EQ(world.timeout(), (Lines{"unbind #1 4000", "forbid #1 203.0.113.9"}));
  EXPECT_EQ(client.bind(0x4000, "203.0.113.9:10").back(), kBound);
}

}  // namespace
}  // namespace turnpike::turn::test
