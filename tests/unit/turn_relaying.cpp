// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;

TEST(TurnRelaying, SendReachesThePeer) {
  Call call;
  EXPECT_EQ(call.client.send_data("203.0.113.9:9", "hello"),
            Lines{"peer " + call.relayed.to_string() + " -> 203.0.113.9:9 \"hello\" ttl=63 tc=0"});
  EXPECT_EQ(call.client.send_data("203.0.113.9:9", ""),
            Lines{"peer " + call.relayed.to_string() + " -> 203.0.113.9:9 \"\" ttl=63 tc=0"});
  EXPECT_EQ(call.world.server->counters().to_peer_packets, 2u);
  EXPECT_EQ(call.world.server->counters().to_peer_bytes, 5u);
}

TEST(TurnRelaying, APeerWithoutAChannelBecomesADataIndication) {
  Call call;
  EXPECT_EQ(call.world.from_peer("hello", call.peer, call.relayed),
            Lines{"relay 198.51.100.7:1 data peer=203.0.113.9:9 \"hello\" ttl=63 tc=0"});
  EXPECT_EQ(call.world.server->counters().to_client_packets, 1u);
  EXPECT_EQ(call.world.server->counters().to_client_bytes, 5u);
}

TEST(TurnRelaying, APeerWithAChannelBecomesChannelData) {
  Call call;
  call.client.bind(0x4abc, "203.0.113.9:9");
  EXPECT_EQ(call.world.from_peer("hello", call.peer, call.relayed),
            Lines{"relay 198.51.100.7:1 channel 4abc \"hello\" ttl=63 tc=0"});
  EXPECT_EQ(call.world.from_peer("", call.peer, call.relayed),
            Lines{"relay 198.51.100.7:1 channel 4abc \"\" ttl=63 tc=0"});
  EXPECT_EQ(call.world.from_peer("other port", at("203.0.113.9:10"), call.relayed),
            Lines{"relay 198.51.100.7:1 data peer=203.0.113.9:10 \"other port\" ttl=63 tc=0"});
}

TEST(TurnRelaying, DataIndicationsHaveTransactionIdsOfTheirOwn) {
  Call call;
  std::set<stun::TransactionId> ids;
  for (int i = 0; i < 300; ++i) {
    call.world.server->handle_peer(bytes_of("x"), call.peer, call.relayed, {}, call.world.now);
    const CommandQueue& queue = call.world.server->commands();
    const auto data = queue.bytes(std::get<SendToClient>(queue.commands().at(0)).data);
    ids.insert(stun::MessageView::parse(data)->transaction_id());
    call.world.take();
  }
  EXPECT_EQ(ids.size(), 300u);
}

TEST(TurnRelaying, CarriesTheIpHeaderFieldsOneHopFurther) {
  Call call;
  call.client.bind(0x4000, "203.0.113.9:9");
  const IpFields ip{17, 0xb9, true};
  const std::string to_peer = "peer " + call.relayed.to_string() + " -> 203.0.113.9:9 \"x\"";
  EXPECT_EQ(call.client.channel_data(0x4000, "x", ip), Lines{to_peer + " ttl=16 tc=185 df"});
  EXPECT_EQ(call.client.send_data("203.0.113.9:9", "x", ip), Lines{to_peer + " ttl=16 tc=185 df"});
  EXPECT_EQ(call.world.from_peer("x", call.peer, call.relayed, ip),
            Lines{"relay 198.51.100.7:1 channel 4000 \"x\" ttl=16 tc=185 df"});
}

TEST(TurnRelaying, DropsWhatHasTravelledFarEnough) {
  Call call;
  call.client.bind(0x4000, "203.0.113.9:9");
  for (uint8_t ttl : {0, 1}) {
    EXPECT_EQ(call.client.channel_data(0x4000, "x", {ttl, 0, false}), Lines{});
    EXPECT_EQ(call.client.send_data("203.0.113.9:9", "x", {ttl, 0, false}), Lines{});
    EXPECT_EQ(call.world.from_peer("x", call.peer, call.relayed, {ttl, 0, false}), Lines{});
  }
  EXPECT_EQ(call.drops(DropReason::kTtlExceeded), 6u);
  EXPECT_EQ(call.client.channel_data(0x4000, "x", {2, 0, false}).size(), 1u);
}

TEST(TurnRelaying, SendMayAskNotToBeFragmented) {
  Call call;
  const Datagram datagram = call.client.indication([](stun::MessageBuilder& b) {
    b.add_xor_address(AttributeType::kXorPeerAddress, at("203.0.113.9:9"));
    b.add(AttributeType::kDontFragment, {});
    b.add_text(AttributeType::kData, "x");
  });
  EXPECT_EQ(call.client.send(datagram),
            Lines{"peer " + call.relayed.to_string() + " -> 203.0.113.9:9 \"x\" ttl=63 tc=0 df"});
}

TEST(TurnRelaying, NobodyVerifiesTheFingerprintOfASend) {
  Call call;
  const Datagram datagram = call.client.indication([](stun::MessageBuilder& b) {
    b.add_xor_address(AttributeType::kXorPeerAddress, at("203.0.113.9:9"));
    b.add_text(AttributeType::kData, "x").add(AttributeType::kFingerprint, bytes_of("even"));
  });
  EXPECT_EQ(call.client.send(datagram),
            Lines{"peer " + call.relayed.to_string() + " -> 203.0.113.9:9 \"x\" ttl=63 tc=0"});
}

TEST(TurnRelaying, OfDuplicatesInSendTheFirstCounts) {
  Call call;
  const Datagram datagram = call.client.indication([](stun::MessageBuilder& b) {
    for (const char* peer : {"203.0.113.9:9", "203.0.113.10:10"})
      b.add_xor_address(AttributeType::kXorPeerAddress, at(peer));
    b.add_text(AttributeType::kData, "first").add_text(AttributeType::kData, "second");
  });
  EXPECT_EQ(call.client.send(datagram),
            Lines{"peer " + call.relayed.to_string() + " -> 203.0.113.9:9 \"first\" ttl=63 tc=0"});
}

TEST(TurnRelaying, DropsSendsThatMayNotPassAndAnswersNone) {
  const Fill peer = [](stun::MessageBuilder& b) {
    b.add_xor_address(AttributeType::kXorPeerAddress, at("203.0.113.9:9"));
  };
  const Fill data = [](stun::MessageBuilder& b) { b.add_text(AttributeType::kData, "x"); };
  const auto to = [&](const char* address) {
    return both(
        [=](stun::MessageBuilder& b) { b.add_xor_address(AttributeType::kXorPeerAddress, at(address)); },
        data);
  };
  struct Row {
    const char* what;
    Fill fill;
    DropReason reason;
  };
  const std::vector<Row> rows = {
      {"no peer", data, DropReason::kMalformedStun},
      {"no data", peer, DropReason::kMalformedStun},
      {"malformed peer", both(attribute(AttributeType::kXorPeerAddress, {0, 1}), data),
       DropReason::kMalformedStun},
      {"unknown attribute", both(both(peer, data), attribute(static_cast<AttributeType>(0x7fff), {})),
       DropReason::kUnknownAttribute},
      {"no permission", to("203.0.113.10:9"), DropReason::kNoPermission},
      {"forbidden port", to("203.0.113.9:3478"), DropReason::kPeerForbidden},
      {"other family", to("[2001:db8::9]:9"), DropReason::kPeerFamily},
  };
  for (const Row& row : rows) {
    Call call;
    call.world.peers.forbidden_endpoints = {at("203.0.113.9:3478")};
    EXPECT_EQ(call.client.send(call.client.indication(row.fill)), Lines{}) << row.what;
    EXPECT_EQ(call.drops(row.reason), 1u) << row.what;
  }
}

TEST(TurnRelaying, DropsWhatHasNoAllocationPermissionOrChannel) {
  Call call;
  Client stranger(call.world, 2);
  EXPECT_EQ(stranger.send_data("203.0.113.9:9", "x"), Lines{});
  EXPECT_EQ(stranger.channel_data(0x4000, "x"), Lines{});
  EXPECT_EQ(call.drops(DropReason::kNoAllocation), 2u);
  EXPECT_EQ(call.client.channel_data(0x4000, "x"), Lines{});
  EXPECT_EQ(call.drops(DropReason::kChannelUnbound), 1u);
  EXPECT_EQ(call.world.from_peer("x", at("203.0.113.10:9"), call.relayed), Lines{});
  EXPECT_EQ(call.drops(DropReason::kNoPermission), 1u);
  EXPECT_EQ(call.world.from_peer("x", call.peer, at("192.0.2.1:49999")), Lines{});
  EXPECT_EQ(call.drops(DropReason::kNotListening), 1u);
}

TEST(TurnRelaying, AChannelWhosePermissionEndedCarriesNothing) {
  Call call;
  call.client.bind(0x4000, "203.0.113.9:9");
  call.world.advance(Seconds(300));
  EXPECT_EQ(call.client.channel_data(0x4000, "x"), Lines{"forbid #1 203.0.113.9"});
  EXPECT_EQ(call.world.from_peer("x", call.peer, call.relayed), Lines{});
  EXPECT_EQ(call.drops(DropReason::kNoPermission), 2u);
}

TEST(TurnRelaying, IgnoresPaddingOfChannelDataAndRefusesALengthBeyondTheDatagram) {
  Call call;
  call.client.bind(0x4000, "203.0.113.9:9");
  EXPECT_EQ(call.client.send({0x40, 0x00, 0, 1, 'x', 0, 0, 0}),
            Lines{"peer " + call.relayed.to_string() + " -> 203.0.113.9:9 \"x\" ttl=63 tc=0"});
  EXPECT_EQ(call.client.send({0x40, 0x00, 0, 2, 'x'}), Lines{});
  EXPECT_EQ(call.client.send({0x40, 0x00, 0xff, 0xff, 'x'}), Lines{});
  EXPECT_EQ(call.drops(DropReason::kMalformedChannelData), 2u);
}

TEST(TurnRelaying, DropsWhatNoLongerFitsADatagram) {
  Call call;
  constexpr size_t kLargest = 65468;  // with 36 bytes of header it makes 65504; one more is padded to 65508
  EXPECT_EQ(call.world.from_peer(std::string(kLargest, 'x'), call.peer, call.relayed).size(), 1u);
  EXPECT_EQ(call.world.from_peer(std::string(kLargest + 1, 'x'), call.peer, call.relayed), Lines{});
  call.client.bind(0x4000, "203.0.113.9:9");
  EXPECT_EQ(call.world.from_peer(std::string(65507 - 4, 'x'), call.peer, call.relayed).size(), 1u);
  EXPECT_EQ(call.world.from_peer(std::string(65507 - 3, 'x'), call.peer, call.relayed), Lines{});
  EXPECT_EQ(call.drops(DropReason::kTooLarge), 2u);
}

TEST(TurnRelaying, Ipv6BothWays) {
  World world;
  Client client(world, 1);
  const Endpoint relayed = client.allocated(attribute(AttributeType::kRequestedAddressFamily, {2, 0, 0, 0}));
  client.bind(0x4000, "[2001:db8:9::9]:9");
  EXPECT_EQ(client.channel_data(0x4000, "x"),
            Lines{"peer " + relayed.to_string() + " -> [2001:db8:9::9]:9 \"x\" ttl=63 tc=0"});
  EXPECT_EQ(world.from_peer("y", at("[2001:db8:9::9]:8"), relayed),
            Lines{"relay 198.51.100.7:1 data peer=[2001:db8:9::9]:8 \"y\" ttl=63 tc=0"});
  EXPECT_EQ(client.permit({"203.0.113.9"})[0],
            "event refused 443 peer of another family than the relayed address");
  EXPECT_EQ(client.permit({"::ffff:203.0.113.9"})[0],
            "event refused 443 peer of another family than the relayed address");
}

TEST(TurnRelaying, TwoClientsOfTheRelayReachEachOther) {
  World world;
  Client alice(world, 1);
  Client bob(world, 2, "bob");
  const Endpoint a = alice.allocated();
  const Endpoint b = bob.allocated();
  alice.bind(0x4000, b.to_string());
  bob.permit({"192.0.2.1"});
  EXPECT_EQ(alice.channel_data(0x4000, "x"),
            Lines{"peer " + a.to_string() + " -> " + b.to_string() + " \"x\" ttl=63 tc=0"});
  EXPECT_EQ(world.from_peer("x", a, b, {63, 0, false}),
            Lines{"relay 198.51.100.7:2 data peer=" + a.to_string() + " \"x\" ttl=62 tc=0"});
}

TEST(TurnRelaying, NeverReachesAPortOfTheRelayAddressThatNoAllocationHas) {
  World world;
  Client alice(world, 1);
  Client bob(world, 2, "bob");
  alice.allocated();
  const Endpoint b = bob.allocated();
  alice.bind(0x4000, b.to_string());
  bob.refresh(0);
  EXPECT_EQ(alice.channel_data(0x4000, "x"), Lines{});
  EXPECT_EQ(alice.send_data(b.to_string(), "x"), Lines{});
  EXPECT_EQ(alice.send_data("192.0.2.1:22", "x"), Lines{});
  EXPECT_EQ(world.server->drops(DropReason::kPeerForbidden), 3u);
}

TEST(TurnRelaying, AClientMayBeItsOwnPeer) {
  World world;
  Client client(world, 1);
  const Endpoint relayed = client.allocated();
  client.permit({"192.0.2.1"});
  EXPECT_EQ(client.send_data(relayed.to_string(), "x"),
            Lines{"peer " + relayed.to_string() + " -> " + relayed.to_string() + " \"x\" ttl=63 tc=0"});
}

}  // namespace
}  // namespace turnpike::turn::test
