// SPDX-License-Identifier: Apache-2.0
//
// A server that dies, and one that has its sessions again from the records.
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;

const SavedSession& only(const std::vector<SavedSession>& saved) {
  EXPECT_EQ(saved.size(), 1u);
  return saved.at(0);
}

Options long_lived() {
  Options options;
  options.default_lifetime = Seconds(3000);
  return options;
}

// The process after the call's.
struct Successor {
  explicit Successor(const Call& before, Options options = {}, PortRange range = {50000, 50099})
      : world(std::move(options), range), client(world, 1), saved(only(before.world.records.load())) {
    world.follow(before.world);
  }
  ErrorCode refused() {
    const Result<void> restored = world.server->restore(saved, world.now);
    EXPECT_FALSE(restored);
    if (restored) return ErrorCode::kSystem;
    for (const Endpoint& address : {saved.session.five_tuple.client, saved.session.relayed})
      EXPECT_EQ(restored.error().message.find(address.to_string()), std::string::npos) << "it is logged";
    return restored.error().code;
  }
  World world;
  Client client;
  const SavedSession saved;
};

TEST(TurnRestore, SessionsComeBackAsTheyWere) {
  Call call;
  call.client.bind(0x4000, "203.0.113.9:9");
  call.world.advance(Seconds(100));
  call.client.permit({"203.0.113.10"});
  call.client.channel_data(0x4000, "x");
  call.world.server->save_counters();
  call.world.take();
  Successor after(call);
  EXPECT_EQ(after.world.restore(after.saved),
            (Lines{"own " + call.relayed_text, "set #1 t+600",
                   "install #1 4000 198.51.100.7:1 " + call.relayed_text +
                       " 203.0.113.9:9 channel t+600 permission t+300",
                   "permit #1 203.0.113.9 t+300", "permit #1 203.0.113.10 t+400"}));
  EXPECT_EQ(after.world.server->sessions(after.world.now), call.world.server->sessions(call.world.now));
  EXPECT_EQ(after.world.server->permission_count(), 2u);
  EXPECT_EQ(after.world.server->channel_count(), 1u);
  const auto& [id, five_tuple] = std::pair(after.saved.session.id, after.saved.session.five_tuple);
  EXPECT_TRUE(after.world.server->has(id, five_tuple, after.world.now));
  EXPECT_FALSE(after.world.server->has({id.value + 1}, five_tuple, after.world.now));
  EXPECT_EQ(after.world.quota.held["alice"], 1);
  EXPECT_TRUE(after.world.ports->owned(call.relayed));
  EXPECT_EQ(after.client.channel_data(0x4000, "x").size(), 1u);
  EXPECT_EQ(after.client.refresh(0),
            (Lines{"unbind #1 4000", "forbid #1 203.0.113.9", "forbid #1 203.0.113.10", "remove #1",
                   "release " + call.relayed_text, "event deleted #1 alice",
                   "answer 198.51.100.7:1 refresh 200 lifetime=0 signed=alice"}));
}

TEST(TurnRestore, ARetransmittedAllocateHasTheSameAnswer) {
  World before;
  Client client(before, 1);
  const Datagram request = client.allocate_request(attribute(AttributeType::kEvenPort, {0x80}));
  const std::string answer = client.send(request).back();
  client.refresh(1000);
  World after;
  after.follow(before);
  after.restore(only(before.records.load()));
  EXPECT_EQ(Client(after, 1).send(request), Lines{answer});
  EXPECT_EQ(after.quota.held["alice"], 1);  // the reservation is no more
}

TEST(TurnRestore, WhatHasExpiredSinceIsTakenAway) {
  Call call(long_lived());
  call.client.bind(0x4000, "203.0.113.9:9");
  call.world.advance(Seconds(400));
  call.client.bind(0x4001, "203.0.113.10:9");
  Successor after(call, long_lived());
  after.world.advance(Seconds(200));
  EXPECT_EQ(after.world.restore(after.saved),
            (Lines{"own " + call.relayed_text, "rest #1 4000 203.0.113.9:9 t+900", "set #1 t+3000",
                   "install #1 4001 198.51.100.7:1 " + call.relayed_text +
                       " 203.0.113.10:9 channel t+1000 permission t+700",
                   "permit #1 203.0.113.10 t+700"}));
  EXPECT_EQ(after.client.bind(0x4000, "203.0.113.11:9")[0],
            "event refused 400 the channel number belongs to another peer");
  EXPECT_EQ(after.world.server->channel_count(), 1u);
  after.world.advance(Seconds(300));
  EXPECT_EQ(after.world.timeout(), (Lines{"unbind #1 4000", "forbid #1 203.0.113.10"}));
}

TEST(TurnRestore, AChannelWithoutAPermissionWaitsForOne) {
  Call call;
  call.client.bind(0x4000, "203.0.113.9:9");
  Successor after(call);
  after.world.advance(Seconds(300));
  EXPECT_EQ(after.world.restore(after.saved),
            (Lines{"own " + call.relayed_text, "forbid #1 203.0.113.9", "set #1 t+600"}));
  EXPECT_EQ(after.world.server->channel_count(), 1u);
  EXPECT_EQ(after.client.permit({"203.0.113.9"})[1], "install #1 4000 198.51.100.7:1 " + call.relayed_text +
                                                         " 203.0.113.9:9 channel t+600 permission t+600");
}

TEST(TurnRestore, ARestingChannelRestsOn) {
  Call call(long_lived());
  call.client.bind(0x4000, "203.0.113.9:9");
  call.world.advance(Seconds(600));
  call.world.timeout();
  Successor after(call, long_lived());
  EXPECT_EQ(after.world.restore(after.saved), (Lines{"own " + call.relayed_text, "set #1 t+3000"}));
  EXPECT_EQ(after.world.server->channel_count(), 0u);
  EXPECT_EQ(after.client.bind(0x4001, "203.0.113.9:9")[0],
            "event refused 400 the peer has another channel number");
  after.world.advance(Seconds(300));
  EXPECT_EQ(after.world.timeout(), Lines{"unbind #1 4000"});
}

TEST(TurnRestore, AnExpiredSessionIsTakenAway) {
  Call call;
  call.client.bind(0x4000, "203.0.113.9:9");
  Successor after(call);
  after.world.advance(Seconds(600));
  EXPECT_EQ(after.world.restore(after.saved),
            (Lines{"own " + call.relayed_text, "unbind #1 4000", "forbid #1 203.0.113.9", "remove #1",
                   "release " + call.relayed_text, "event expired #1 alice"}));
  EXPECT_EQ(after.world.quota.total, 0);
  EXPECT_FALSE(after.world.ports->owned(call.relayed));
  EXPECT_EQ(after.world.server->permission_count(), 0u);
  EXPECT_EQ(after.world.server->channel_count(), 0u);
}

TEST(TurnRestore, PeersAreJudgedAgain) {
  Call call;
  call.client.bind(0x4000, "203.0.113.9:9");
  call.client.bind(0x4001, "203.0.113.10:9");
  Successor after(call);
  after.world.peers.forbidden_endpoints = {at("203.0.113.10:9")};
  after.world.peers.forbidden_addresses = {ip("203.0.113.9")};
  EXPECT_EQ(after.world.restore(after.saved),
            (Lines{"own " + call.relayed_text, "unbind #1 4000", "unbind #1 4001", "forbid #1 203.0.113.9",
                   "set #1 t+600", "permit #1 203.0.113.10 t+300"}));
  EXPECT_EQ(after.world.server->channel_count(), 0u);
}

TEST(TurnRestore, ASessionWithoutARelayAddressIsTakenAway) {
  Call call;
  call.client.bind(0x4000, "203.0.113.9:9");
  const Lines gone{"unbind #1 4000", "forbid #1 203.0.113.9", "remove #1", "event deleted #1 alice"};
  Options options;
  options.relay_addresses = {{ip("192.0.2.2"), ip("192.0.2.2")}};
  Successor moved(call, options);
  EXPECT_EQ(moved.world.restore(moved.saved), gone);
  Successor narrowed(call, {}, {40000, 40099});
  EXPECT_EQ(narrowed.world.restore(narrowed.saved), gone);
  for (const World* world : {&moved.world, &narrowed.world}) {
    EXPECT_EQ(world->quota.total, 0);
    EXPECT_EQ(world->server->allocation_count(), 0u);
    EXPECT_EQ(world->server->permission_count(), 0u);
    EXPECT_EQ(world->server->channel_count(), 0u);
  }
}

TEST(TurnRestore, RefusesWhatAnotherHas) {
  Call call;
  const Lines gone{"forbid #1 203.0.113.9", "remove #1", "event deleted #1 alice"};
  Successor other_relayed(call);
  other_relayed.client.allocated();
  EXPECT_EQ(other_relayed.refused(), ErrorCode::kInUse);
  EXPECT_EQ(other_relayed.world.take(), gone);

  Successor other_five_tuple(call);
  ASSERT_TRUE(other_five_tuple.world.ports->claim(call.relayed));
  EXPECT_EQ(other_five_tuple.refused(), ErrorCode::kInUse);
  EXPECT_EQ(other_five_tuple.world.take(), gone);
  EXPECT_TRUE(other_five_tuple.world.ports->owned(call.relayed));
  EXPECT_EQ(other_five_tuple.world.quota.total, 0);
}

TEST(TurnRestore, RestoringTwiceHarmsNothing) {
  Call call;
  Successor after(call);
  after.world.restore(after.saved);
  EXPECT_EQ(after.refused(), ErrorCode::kInUse);
  EXPECT_EQ(after.world.take(), Lines{});
  EXPECT_EQ(after.world.server->allocation_count(), 1u);
}

TEST(TurnRestore, TheQuotaCountsButTakesNothingAway) {
  Call call;
  Successor after(call);
  after.world.quota.user_limit = 0;
  after.world.restore(after.saved);
  EXPECT_EQ(after.world.quota.held["alice"], 1);
  EXPECT_EQ(Client(after.world, 2).allocate()[0], "event refused 486 the user's quota is reached");
}

TEST(TurnRestore, CountersGoOn) {
  Call call;
  call.client.send_data("203.0.113.9:9", "three");
  call.world.server->save_counters();
  const Lines saved{"save #1 to_peer=1/5 to_client=0/0", "save #0 to_peer=1/5 to_client=0/0"};
  EXPECT_EQ(call.world.take(), saved);
  call.world.server->save_counters();
  EXPECT_EQ(call.world.take(), Lines{});

  Successor after(call);
  after.world.restore(after.saved);
  after.world.server->restore_totals(call.world.server->counters());
  after.world.server->save_counters();
  EXPECT_EQ(after.world.take(), Lines{saved[1]});
  after.world.from_peer("seven..", call.peer, call.relayed);
  after.world.server->save_counters();
  EXPECT_EQ(after.world.take(),
            (Lines{"save #1 to_peer=1/5 to_client=1/7", "save #0 to_peer=1/5 to_client=1/7"}));
}

}  // namespace
}  // namespace turnpike::turn::test
