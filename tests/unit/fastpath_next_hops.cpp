// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>

#include "fastpath/slot_pool.h"
#include "fastpath/takeover.h"
#include "net/rtnetlink.h"
#include "unit/xdp_fixture.h"

namespace turnpike::fastpath {
namespace {

constexpr uint8_t kMac[6] = {0x02, 0, 0, 0, 0, 0x07};

class NextHopsTest : public XdpTest {
 protected:
  // The binding's two neighbours are what the test says; the peer is at 198.51.100.9 behind 192.0.2.3.
  void SetUp() override {
    XdpTest::SetUp();
    run("ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 nud permanent dev tp0");
    run("ip neigh replace 192.0.2.3 lladdr 02:00:00:00:00:03 nud permanent dev tp0");
    run("ip route add 198.51.100.0/24 via 192.0.2.3");
    set_peer_gro(true);
    start();
    allocate();
    Binding remote = binding();
    remote.peer = endpoint("198.51.100.9:6000");
    ASSERT_TRUE(fast_path_->install(remote));
  }
  tp_next_hop peer_hop() const { return entry<tp_next_hop>("next_hops", channel_entry().peer_next_hop); }
  bool goes_to(uint8_t last_byte) const { return peer_hop().destination_mac[5] == last_byte; }
  bool eventually_handled(const std::function<bool()>& condition) {
    return eventually([&] {
      fast_path_->handle_events();
      return condition();
    });
  }
};

TEST_F(NextHopsTest, AreResolvedAtInstall) {
  EXPECT_TRUE(fast());
  const tp_next_hop hop = peer_hop();
  EXPECT_NE(hop.generation, 0u);
  EXPECT_EQ(hop.ifindex, if_nametoindex("tp0"));
  EXPECT_EQ(hop.mtu, 1500u);
  EXPECT_TRUE(goes_to(3));
  EXPECT_EQ(entry<tp_next_hop>("next_hops", 0).generation, 0u);
}

TEST_F(NextHopsTest, FollowTheNeighbour) {
  const tp_next_hop before = peer_hop();
  run("ip neigh replace 192.0.2.3 lladdr 02:00:00:00:00:07 nud permanent dev tp0");
  EXPECT_TRUE(eventually_handled([this] { return goes_to(7); }));
  EXPECT_TRUE(std::equal(kMac, kMac + 6, peer_hop().destination_mac));
  EXPECT_NE(peer_hop().generation, before.generation);
  EXPECT_NE(peer_hop().generation, 0u);
}

TEST_F(NextHopsTest, FollowTheRoute) {
  const uint32_t before = channel_entry().generation;
  run("ip route replace 198.51.100.0/24 via 192.0.2.2 mtu 1300");
  EXPECT_TRUE(eventually_handled([this] { return goes_to(2); }));
  EXPECT_EQ(peer_hop().mtu, 1300u);
  EXPECT_EQ(channel_entry().generation, before);
  EXPECT_TRUE(fast());
}

TEST_F(NextHopsTest, FollowAPolicyRule) {
  run("ip route add default via 192.0.2.2 dev tp0 table 77");
  run("ip rule add from 192.0.2.1 to 198.51.100.0/24 table 77");
  EXPECT_TRUE(eventually_handled([this] { return goes_to(2); }));
}

TEST_F(NextHopsTest, FollowTheMtuAndTheMacOfTheInterface) {
  run("ip link set tp0 mtu 1400");
  EXPECT_TRUE(eventually_handled([this] { return peer_hop().mtu == 1400; }));
  run("ip link set tp0 address 02:00:00:00:00:07");
  EXPECT_TRUE(eventually_handled([this] { return std::equal(kMac, kMac + 6, peer_hop().source_mac); }));
}

TEST_F(NextHopsTest, AreUnresolvedWhileThereIsNoRoute) {
  run("ip route del 198.51.100.0/24");
  EXPECT_TRUE(eventually_handled([this] { return channel_entry().peer_next_hop == 0; }));
  EXPECT_FALSE(fast());
  const FlowStatus status = fast_path_->why({1}, {0x4000});
  EXPECT_FALSE(status.fast_to_peer);
  EXPECT_NE(status.reason.find("no route from 192.0.2.1 to 198.51.100.9"), std::string::npos)
      << status.reason;
  run("ip route add 198.51.100.0/24 via 192.0.2.3");
  EXPECT_TRUE(eventually([&] { return fast(); }));
}

TEST_F(NextHopsTest, AreUnresolvedWhileTheNeighbourIs) {
  run("ip neigh del 192.0.2.3 dev tp0");
  in_peer("ip addr del 192.0.2.3/24 dev tp1");
  EXPECT_TRUE(eventually_handled([this] { return peer_hop().generation == 0; }));
  EXPECT_FALSE(fast());
  EXPECT_EQ(fast_path_->why({1}, {0x4000}).reason, "next hop 192.0.2.3 unresolved on tp0");
  EXPECT_TRUE(fast_path_->why({1}, {0x4000}).fast_to_client);
  in_peer("ip addr add 192.0.2.3/24 dev tp1");
  EXPECT_TRUE(eventually([&] { return fast(); }, std::chrono::seconds(20)));
}

TEST_F(NextHopsTest, AskForAnUnresolvedNeighbourOnceASecond) {
  Binding remote = binding(0x4001);
  remote.peer = endpoint("192.0.2.9:6000");
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(fast_path_->install(remote));
  run("ip neigh replace 192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent dev tp0");
  const auto resolved = [this] {
    return entry<tp_next_hop>("next_hops", channel_entry(0x4001).peer_next_hop).generation != 0;
  };
  const auto refreshed = [&] {  // without a look at what the kernel tells
    EXPECT_TRUE(fast_path_->install(remote));
    return resolved();
  };
  EXPECT_TRUE(eventually(refreshed));
  EXPECT_GE(std::chrono::steady_clock::now() - before, Seconds(1));
}

TEST_F(NextHopsTest, AreUnresolvedWhereTheRouteEncapsulates) {
  run("ip route replace 198.51.100.0/24 encap ip id 5 dst 192.0.2.2 via 192.0.2.3 dev tp0");
  EXPECT_TRUE(eventually_handled([this] { return channel_entry().peer_next_hop == 0; }));
  EXPECT_EQ(fast_path_->why({1}, {0x4000}).reason, "the route encapsulates");
  run("ip route replace 198.51.100.0/24 via 192.0.2.3");
  EXPECT_TRUE(eventually([&] { return fast(); }));
}

TEST_F(NextHopsTest, FollowTheLinkDownAndUp) {
  run("ip -n tp-peer link set tp1 down");
  EXPECT_TRUE(eventually_handled([this] { return peer_hop().generation == 0; }));
  EXPECT_FALSE(fast());
  EXPECT_EQ(fast_path_->why({1}, {0x4000}).reason, "interface tp0 is down");
  run("ip -n tp-peer link set tp1 up");
  EXPECT_TRUE(eventually([&] { return fast(); }));
}

TEST_F(NextHopsTest, AreNoneForThisHostItself) {
  Binding local = binding(0x4001);
  run("ip addr add 192.0.2.60/32 dev lo");
  local.peer = endpoint("192.0.2.60:53");
  ASSERT_TRUE(fast_path_->install(local));
  const FlowStatus status = fast_path_->why({1}, {0x4001});
  EXPECT_FALSE(status.fast_to_peer);
  EXPECT_EQ(status.reason, "local: 192.0.2.60 is an address of this host");
}

TEST_F(NextHopsTest, AreSharedAndGivenBack) {
  EXPECT_NE(channel_entry().client_next_hop, channel_entry().peer_next_hop);
  ASSERT_TRUE(fast_path_->install(binding(0x4001, 6001)));
  const tp_binding second = channel_entry(0x4001);
  EXPECT_EQ(second.client_next_hop, channel_entry().client_next_hop);
  EXPECT_EQ(second.peer_next_hop, channel_entry().peer_next_hop);
  fast_path_->remove_allocation({1});
  EXPECT_EQ(entry<tp_next_hop>("next_hops", second.client_next_hop).generation, 0u);
  EXPECT_EQ(entry<tp_next_hop>("next_hops", second.peer_next_hop).generation, 0u);
}

TEST_F(NextHopsTest, GoOnAfterARestart) {
  Binding other = binding(0x4001);
  other.peer = endpoint("192.0.2.4:6000");
  run("ip neigh replace 192.0.2.4 lladdr 02:00:00:00:00:04 nud permanent dev tp0");
  ASSERT_TRUE(fast_path_->install(other));
  const uint32_t slot = channel_entry().peer_next_hop;
  const uint32_t other_slot = channel_entry(0x4001).peer_next_hop;
  const tp_next_hop before = peer_hop();
  leave();
  start();
  EXPECT_EQ(peer_hop().generation, before.generation);
  allocate();
  Binding remote = binding();
  remote.peer = endpoint("198.51.100.9:6000");
  ASSERT_TRUE(fast_path_->install(remote));
  EXPECT_EQ(channel_entry().peer_next_hop, slot);
  const tp_next_hop after = peer_hop();
  EXPECT_EQ(std::memcmp(&before, &after, sizeof before), 0);
  EXPECT_NE(entry<tp_next_hop>("next_hops", other_slot).generation, 0u);
  fast_path_->finish_takeover();
  EXPECT_EQ(entry<tp_next_hop>("next_hops", other_slot).generation, 0u);
  EXPECT_TRUE(fast()) << fast_path_->why({1}, {0x4000}).reason;
}

class LeftNeighboursTest : public XdpTest {
 protected:
  // A relay died that kept the client's neighbour and the peer's.
  void SetUp() override {
    XdpTest::SetUp();
    set_peer_gro(true);
    start();
    allocate();
    ASSERT_TRUE(fast_path_->install(binding()));
    ASSERT_TRUE(eventually([&] { return fast(); }));
    EXPECT_EQ(kept(), (std::set<std::string>{"192.0.2.2", "192.0.2.3"}));
    leave();
  }
  static std::set<std::string> kept() {
    auto reader = net::RouteReader::create();
    std::set<std::string> addresses;
    for (const auto& each : reader.value().kept_resolved())
      addresses.insert(each.address.to_string());
    return addresses;
  }
};

TEST_F(LeftNeighboursTest, AgeWhenNobodyNamesThem) {
  start();
  allocate();
  Binding other = binding();
  other.peer.address = address("192.0.2.2");
  ASSERT_TRUE(fast_path_->install(other));
  EXPECT_EQ(kept(), (std::set<std::string>{"192.0.2.2", "192.0.2.3"}));
  fast_path_->finish_takeover();
  EXPECT_EQ(kept(), std::set<std::string>{"192.0.2.2"});
  stop();
  EXPECT_TRUE(kept().empty());
}

TEST_F(LeftNeighboursTest, AgeWhenForwardingEnds) {
  EXPECT_TRUE(end_forwarding(kPins));
  EXPECT_TRUE(kept().empty());
}

// A slot that an earlier process' bindings may name is not another neighbour's before they are gone.
TEST_F(NextHopsTest, AreNotReusedDuringATakeover) {
  const uint32_t slot = channel_entry().peer_next_hop;
  leave();
  start();
  allocate();
  Binding first = binding(0x4001);
  first.peer = endpoint("198.51.100.8:6000");
  ASSERT_TRUE(fast_path_->install(first));
  fast_path_->remove({1}, {0x4001});
  EXPECT_EQ(entry<tp_next_hop>("next_hops", slot).generation, 0u);
  std::this_thread::sleep_for(kSlotRest + std::chrono::milliseconds(100));
  for (uint16_t i = 0; i < 4; ++i) {
    const std::string neighbour = "192.0.2." + std::to_string(20 + i);
    run("ip neigh replace " + neighbour + " lladdr 02:00:00:00:00:20 nud permanent dev tp0");
    Binding next = binding(static_cast<uint16_t>(0x4002 + i));
    next.peer = endpoint(neighbour + ":6000");
    ASSERT_TRUE(fast_path_->install(next));
  }
  EXPECT_EQ(entry<tp_next_hop>("next_hops", slot).generation, 0u);
}

// A peer behind a router that tells of a path of 1300 bytes.
class PathMtuTest : public NextHopsTest {
 protected:
  void SetUp() override {
    NextHopsTest::SetUp();
    run("ip -6 route add 2001:db8:9::/64 via 2001:db8::3");
    in_peer("sysctl -qw net.ipv6.conf.all.forwarding=1");
    in_peer("ip -6 route add 2001:db8:9::/64 via 2001:db8::1 dev tp1 mtu lock 1300");
    remote_.relayed = endpoint("[2001:db8::1]:50000");
    remote_.peer = endpoint("[2001:db8:9::1]:6000");
    ASSERT_TRUE(fast_path_->install(remote_));
  }
  uint32_t mtu() const { return entry<tp_next_hop>("next_hops", channel_entry(0x4001).peer_next_hop).mtu; }

  Binding remote_ = binding(0x4001);
};

TEST_F(PathMtuTest, IsFollowedWhenTold) {
  EXPECT_TRUE(eventually_handled([&] { return mtu() == 1500; }));
  const UniqueFd socket = udp_socket(remote_.relayed, false);
  EXPECT_TRUE(eventually([&] {
    send(socket, remote_.peer, std::string(1400, 'x'));
    fast_path_->path_changed(remote_.peer.address);
    return mtu() == 1300;
  }));
}

// What the kernel has learnt of a path expires without an event.
TEST_F(PathMtuTest, IsForgottenWhenItExpired) {
  run("sysctl -qw net.ipv6.route.mtu_expires=1");
  const UniqueFd socket = udp_socket(remote_.relayed, false);
  ASSERT_TRUE(eventually_handled([&] {
    send(socket, remote_.peer, std::string(1400, 'x'));
    fast_path_->path_changed(remote_.peer.address);
    return mtu() == 1300;
  }));
  std::this_thread::sleep_for(Seconds(1));
  EXPECT_TRUE(
      eventually([&] { return fast_path_->install(remote_) && mtu() == 1500; }));  // the client renews it
}

// More paths than one piece of a refresh takes.
class ManyPathsTest : public XdpTest {
 protected:
  static constexpr uint32_t kPaths = 300;
  static constexpr uint32_t kClient = 0;  // the slot that the client's own binding takes
  static bool all_go_to(uint8_t last_byte) {
    for (uint32_t slot = kClient + 1; slot <= kClient + kPaths; ++slot) {
      const tp_next_hop hop =
          entry<tp_next_hop>("next_hops", entry<tp_binding>("bindings", slot).peer_next_hop);
      if (hop.destination_mac[5] != last_byte) return false;
    }
    return true;
  }
};

TEST_F(ManyPathsTest, AllFollowTheRoute) {
  run("ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 nud permanent dev tp0");
  run("ip neigh replace 192.0.2.3 lladdr 02:00:00:00:00:03 nud permanent dev tp0");
  run("ip route add 198.18.0.0/15 via 192.0.2.3");
  options_.max_bindings = kPaths + 1;
  options_.mode = Mode::kGeneric;
  start();
  allocate();
  for (uint32_t i = 0; i < kPaths; ++i) {
    Binding each = binding(static_cast<uint16_t>(0x4000 + i));
    each.peer.address = address("198.18." + std::to_string(i / 200) + "." + std::to_string(1 + i % 200));
    ASSERT_TRUE(fast_path_->install(each));
  }
  ASSERT_TRUE(all_go_to(3));
  run("ip route replace 198.18.0.0/15 via 192.0.2.2");
  EXPECT_TRUE(eventually([&] {
    fast_path_->handle_events();
    return all_go_to(2);
  }));
}

class MixedModesTest : public XdpTest {
 protected:
  // A second link and a binding from tp0 to a peer there.
  void start_across(bool peer_gro) {
    set_peer_gro(true);
    add_link("tp2", "tp3", "203.0.113", "2001:db8:3:");
    in_peer(std::string("ethtool -K tp3 gro ") + (peer_gro ? "on" : "off") + " >/dev/null");
    run("ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 nud permanent dev tp0");
    run("ip neigh replace 203.0.113.2 lladdr 02:00:00:00:00:03 nud permanent dev tp2");
    EXPECT_TRUE(eventually([] { return std::system("ping -c1 -W1 203.0.113.2 >/dev/null") != -1; }));
    start();
    ASSERT_EQ(fast_path_->interfaces()[0].mode, Mode::kNative) << fast_path_->interfaces()[0].reason;
    fast_path_->handle_events();
    allocate();
    across_ = binding();
    across_.peer = endpoint("203.0.113.2:6000");
    ASSERT_TRUE(fast_path_->install(across_));
  }
  bool event_pending() {
    pollfd ready{fast_path_->event_fd(), POLLIN, 0};
    return poll(&ready, 1, 0) == 1;
  }
  Binding across_;
};

TEST_F(MixedModesTest, TryAnInterfaceOutAfterItIsFirstNeeded) {
  start_across(true);
  EXPECT_EQ(fast_path_->why({1}, {0x4000}).reason, "tp2 is not tried out yet");
  EXPECT_TRUE(event_pending());
  fast_path_->handle_events();
  const FlowStatus status = fast_path_->why({1}, {0x4000});
  EXPECT_TRUE(status.fast_to_peer) << status.reason;
  EXPECT_TRUE(eventually([&] {
    fast_path_->handle_events();
    return !event_pending();
  }));
}

TEST_F(MixedModesTest, KeepNobodyWaitingForTheTestPacket) {
  start_across(false);
  using std::chrono::steady_clock;
  std::atomic<bool> handled = false;
  steady_clock::duration handling{};
  std::thread control([&] {
    const auto begin = steady_clock::now();
    fast_path_->handle_events();
    handling = steady_clock::now() - begin;
    handled = true;
  });
  steady_clock::duration longest{};
  while (!handled) {
    const auto begin = steady_clock::now();
    allocate();
    longest = std::max(longest, steady_clock::now() - begin);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  control.join();
  EXPECT_GT(handling, std::chrono::milliseconds(100));  // four windows and one before
  EXPECT_LT(longest, handling / 2);
}

TEST_F(MixedModesTest, FollowANeighbourBeforeTheTestPacket) {
  start_across(false);
  run("ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:07 nud permanent dev tp0");
  std::atomic<bool> handled = false;
  std::thread control([&] {
    fast_path_->handle_events();
    handled = true;
  });
  bool followed = false;
  while (!handled && !followed) {
    const tp_next_hop hop = entry<tp_next_hop>("next_hops", channel_entry().client_next_hop);
    followed = hop.destination_mac[5] == 7 && !handled;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  control.join();
  EXPECT_TRUE(followed);
}

TEST_F(MixedModesTest, SendNothingNativeToAnInterfaceThatDoesNotTransmit) {
  options_.interfaces = {"tp0", "tp2"};
  start_across(false);
  ASSERT_EQ(fast_path_->interfaces()[1].mode, Mode::kGeneric);
  fast_path_->handle_events();
  const FlowStatus status = fast_path_->why({1}, {0x4000});
  EXPECT_FALSE(status.fast_to_peer);
  EXPECT_TRUE(status.fast_to_client);
  EXPECT_NE(status.reason.find("tp2 does not transmit"), std::string::npos) << status.reason;
  EXPECT_EQ(status.remedy, "on the peer: ethtool -K PEER gro on");
  stop();
  options_.mode = Mode::kGeneric;
  start();
  allocate();
  ASSERT_TRUE(fast_path_->install(across_));
  EXPECT_TRUE(fast()) << fast_path_->why({1}, {0x4000}).reason;
}

}  // namespace
}  // namespace turnpike::fastpath
