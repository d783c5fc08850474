// SPDX-License-Identifier: Apache-2.0
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "unit/xdp_fixture.h"

namespace turnpike::fastpath {
namespace {

class BindingsTest : public XdpTest {
 protected:
  void SetUp() override {
    XdpTest::SetUp();
    set_peer_gro(true);
    start();
    allocate();
  }
};

TEST_F(BindingsTest, RelayBothWays) {
  for (const bool v4 : {true, false}) {
    const std::string host = v4 ? "192.0.2." : "[2001:db8::";
    const auto at = [&](const char* last, const char* port) {
      return endpoint(host + last + (v4 ? ":" : "]:") + port);
    };
    Binding flow = binding(v4 ? 0x4000 : 0x4001);
    flow.five_tuple.client = at("2", "40000");
    flow.five_tuple.server = at("1", "3478");
    flow.relayed = at("1", "50000");
    flow.peer = at("3", "6000");
    const UniqueFd client = udp_socket(flow.five_tuple.client, true);
    const UniqueFd peer = udp_socket(flow.peer, true);
    ASSERT_TRUE(fast_path_->install(flow));
    ASSERT_TRUE(eventually([&] { return fast(flow.channel.value); }))
        << fast_path_->why({1}, flow.channel).reason;
    const std::string header =
        std::string("\x40", 1) + static_cast<char>(v4 ? 0 : 1) + std::string("\0\5", 2);
    send(client, flow.five_tuple.server, header + "hello");
    EXPECT_EQ(receive(peer), "hello");
    send(peer, flow.relayed, "world");
    EXPECT_EQ(receive(client).substr(0, 9), header + "world");
  }
  const RelayCounters expected{2, 10, 2, 10};
  EXPECT_EQ(fast_path_->counters({1}), (FlowCounters{expected, 0, 0}));
  EXPECT_EQ(fast_path_->reasons()[TP_RELAYED_TO_PEER].packets, 2u);
  fast_path_->remove({1}, {0x4000});
  EXPECT_EQ(fast_path_->counters({1}).relayed, expected);
  fast_path_->remove_allocation({1});
  EXPECT_EQ(fast_path_->counters({1}), FlowCounters{});
}

TEST_F(BindingsTest, AreWrittenAsTheAbiSays) {
  const Binding flow = binding();
  ASSERT_TRUE(fast_path_->install(flow));
  const auto written = entry<tp_binding>("bindings", the_slot(TP_BINDING_CHANNEL));
  EXPECT_EQ(written.generation, 1u);
  EXPECT_EQ(written.last_generation, 1u);
  EXPECT_EQ(written.flags, 0u);
  EXPECT_EQ(written.channel, htons(0x4000));
  EXPECT_EQ(written.channel_expires, kernel_nanoseconds(flow.channel_expires));
  EXPECT_EQ(written.permission_expires, kernel_nanoseconds(flow.permission_expires));
  EXPECT_EQ(written.client.port, htons(40000));
  EXPECT_EQ(written.server.port, htons(3478));
  EXPECT_EQ(written.relayed.port, htons(50000));
  EXPECT_EQ(written.peer.port, htons(6000));
  const auto allocation = entry<tp_allocation>("allocations", written.allocation);
  EXPECT_EQ(allocation.id, 1u);
  EXPECT_GT(allocation.expires, 0u);
  EXPECT_EQ(allocation.user, 0u);
  EXPECT_EQ(flows().size(), 3u);  // the client's, and two
}

TEST_F(BindingsTest, OfAClientAndItsPermissionsAreWrittenAsTheAbiSays) {
  const auto client = entry<tp_binding>("bindings", the_slot(TP_BINDING_CLIENT));
  EXPECT_EQ(client.client.port, htons(40000));
  EXPECT_EQ(client.peer.port, 0);
  EXPECT_EQ(client.channel_expires, ~0ull);
  EXPECT_EQ(client.permission_expires, ~0ull);
  EXPECT_EQ(client.client_next_hop, 0u);
  Permission granted = permission();
  ASSERT_TRUE(fast_path_->permit(granted));
  const uint32_t slot = the_slot(TP_BINDING_PERMISSION);
  auto written = entry<tp_binding>("bindings", slot);
  EXPECT_EQ(written.peer.port, 0);
  EXPECT_EQ(written.channel, 0);
  EXPECT_EQ(written.channel_expires, ~0ull);
  EXPECT_EQ(written.permission_expires, kernel_nanoseconds(granted.expires));
  EXPECT_NE(written.client_next_hop, 0u);
  EXPECT_NE(written.peer_next_hop, 0u);
  EXPECT_EQ(flows().size(), 2u);
  granted.expires += Seconds(100);
  ASSERT_TRUE(fast_path_->permit(granted));
  written = entry<tp_binding>("bindings", slot);
  EXPECT_EQ(written.generation, 1u);
  EXPECT_EQ(written.permission_expires, kernel_nanoseconds(granted.expires));
  fast_path_->forbid({1}, granted.peer);
  EXPECT_TRUE(slots(TP_BINDING_PERMISSION).empty());
  EXPECT_EQ(flows().size(), 1u);
}

TEST_F(BindingsTest, NeedTheirAllocation) {
  Binding stray = binding();
  stray.allocation = {2};
  EXPECT_EQ(fast_path_->install(stray).error().code, ErrorCode::kNotFound);
}

TEST_F(BindingsTest, AreForClientsOnUdp) {
  Binding tcp = binding();
  tcp.five_tuple.transport = Transport::kTcp;
  EXPECT_EQ(fast_path_->install(tcp).error().code, ErrorCode::kUnsupported);
  EXPECT_NE(fast_path_->why({1}, {0x4000}).reason.find("tcp"), std::string::npos);
}

TEST_F(BindingsTest, TakeNewExpiriesInPlace) {
  Binding flow = binding();
  ASSERT_TRUE(fast_path_->install(flow));
  flow.channel_expires += Seconds(100);
  flow.permission_expires += Seconds(200);
  ASSERT_TRUE(fast_path_->install(flow));
  const auto written = entry<tp_binding>("bindings", the_slot(TP_BINDING_CHANNEL));
  EXPECT_EQ(written.generation, 1u);
  EXPECT_EQ(written.channel_expires, kernel_nanoseconds(flow.channel_expires));
  EXPECT_EQ(written.permission_expires, kernel_nanoseconds(flow.permission_expires));
  EXPECT_EQ(flows().size(), 3u);
}

TEST_F(BindingsTest, AreReplacedWhenTheirPeerChanges) {
  ASSERT_TRUE(fast_path_->install(binding(0x4000, 6000)));
  const uint32_t old = the_slot(TP_BINDING_CHANNEL);
  ASSERT_TRUE(fast_path_->install(binding(0x4000, 6001)));
  EXPECT_EQ(entry<tp_binding>("bindings", old).generation, 0u);
  EXPECT_EQ(entry<tp_binding>("bindings", old).last_generation, 1u);
  EXPECT_EQ(entry<tp_binding>("bindings", the_slot(TP_BINDING_CHANNEL)).peer.port, htons(6001));
  EXPECT_EQ(flows().size(), 3u);
}

TEST_F(BindingsTest, RestBeforeTheirSlotIsUsedAgain) {
  for (uint16_t i = 0; i < 7; ++i)  // of 8 slots the client has one
    ASSERT_TRUE(fast_path_->install(binding(0x4000 + i, 6000 + i)));
  EXPECT_EQ(fast_path_->install(binding(0x4100, 7000)).error().code, ErrorCode::kExhausted);
  EXPECT_NE(fast_path_->why({1}, {0x4100}).reason.find("full"), std::string::npos);
  const TableUse full = table("bindings");
  EXPECT_EQ(full.used, 8u);
  EXPECT_EQ(full.size, 8u);
  EXPECT_EQ(full.refused, 1u);
  EXPECT_EQ(table("flows").used, 15u);
  const uint32_t slot = slots(TP_BINDING_CHANNEL)[3];
  const auto old = entry<tp_binding>("bindings", slot);
  fast_path_->remove({1}, {ntohs(old.channel)});
  EXPECT_EQ(entry<tp_binding>("bindings", slot).generation, 0u);
  EXPECT_EQ(flows().size(), 13u);
  EXPECT_EQ(fast_path_->install(binding(0x4100, 7000)).error().code, ErrorCode::kExhausted);
  std::this_thread::sleep_for(std::chrono::milliseconds(1050));
  ASSERT_TRUE(fast_path_->install(binding(0x4100, 7000)));
  EXPECT_EQ(entry<tp_binding>("bindings", slot).generation, 2u);
  EXPECT_EQ(entry<tp_binding>("bindings", slot).channel, htons(0x4100));
  EXPECT_EQ(fast_path_->why({1}, {0x4100}).reason.find("full"), std::string::npos);
}

TEST_F(BindingsTest, LeaveNothingBehindWhenAFlowCannotBeWritten) {
  const uint64_t room = table("flows").size - table("flows").used;
  const UniqueFd all = map("flows");
  for (uint16_t i = 0; i + 1u < room; ++i) {  // one is left for two
    tp_flow_key key{};
    key.remote_port = i;
    const tp_flow flow{7, 7};
    ASSERT_EQ(bpf_map_update_elem(all.get(), &key, &flow, BPF_ANY), 0);
  }
  EXPECT_EQ(fast_path_->install(binding()).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(flows().size(), table("flows").size - 1);
  EXPECT_TRUE(slots(TP_BINDING_CHANNEL).empty());
  EXPECT_NE(fast_path_->why({1}, {0x4000}).reason.find("the table of flows is full"), std::string::npos);
  EXPECT_EQ(table("flows").refused, 1u);
}

TEST_F(BindingsTest, RefuseAFlowThatAnotherHas) {
  ASSERT_TRUE(fast_path_->install(binding(0x4000, 6000)));
  EXPECT_EQ(fast_path_->install(binding(0x4001, 6000)).error().code, ErrorCode::kInUse);
  EXPECT_EQ(flows().size(), 3u);
}

TEST_F(BindingsTest, GoWithTheirAllocation) {
  ASSERT_TRUE(fast_path_->install(binding(0x4000, 6000)));
  ASSERT_TRUE(fast_path_->permit(permission()));
  const uint32_t slot = entry<tp_binding>("bindings", the_slot(TP_BINDING_CHANNEL)).allocation;
  fast_path_->remove_allocation({1});
  EXPECT_TRUE(flows().empty());
  EXPECT_EQ(entry<tp_allocation>("allocations", slot).expires, 0u);
  EXPECT_EQ(entry<tp_allocation>("allocations", slot).id, 0u);
  EXPECT_EQ(table("bindings").used, 0u);
  EXPECT_EQ(table("flows").used, 0u);
  EXPECT_EQ(table("allocations").used, 0u);
  EXPECT_EQ(table("next_hops").used, 0u);
  EXPECT_FALSE(fast_path_->why({1}, {0x4000}).fast_to_peer);
}

TEST_F(BindingsTest, CountFullAllocations) {
  for (uint64_t id = 2; id <= 8; ++id)
    allocate(id);
  EXPECT_EQ(fast_path_->set_allocation(session(9)).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(table("allocations").used, 8u);
  EXPECT_EQ(table("allocations").refused, 1u);
}

// A Data indication would be wrong where the slow path sends ChannelData.
TEST_F(BindingsTest, ThatAreRefusedHoldBackTheirPeersPermission) {
  ASSERT_TRUE(fast_path_->permit(permission()));
  ASSERT_TRUE(fast_path_->install(binding(0x4000, 6000)));
  EXPECT_EQ(slots(TP_BINDING_PERMISSION).size(), 1u);
  EXPECT_FALSE(fast_path_->install(binding(0x4001, 6000)));  // the peer has a channel
  EXPECT_TRUE(slots(TP_BINDING_PERMISSION).empty());
  EXPECT_NE(fast_path_->why_permitted({1}, address("192.0.2.3")).reason.find("a channel to it"),
            std::string::npos);
  ASSERT_TRUE(fast_path_->permit(permission()));
  EXPECT_TRUE(slots(TP_BINDING_PERMISSION).empty());
  fast_path_->remove({1}, {0x4001});
  EXPECT_EQ(slots(TP_BINDING_PERMISSION).size(), 1u);
  EXPECT_EQ(flows().size(), 4u);
}

TEST_F(BindingsTest, TellWhatIsOver) {
  SessionRecord short_lived = session();
  Binding flow = binding();
  ASSERT_TRUE(fast_path_->permit(permission()));
  ASSERT_TRUE(fast_path_->install(flow));
  ASSERT_TRUE(eventually([&] { return fast(); })) << fast_path_->why({1}, {0x4000}).reason;
  EXPECT_TRUE(fast_path_->why_permitted({1}, address("192.0.2.3")).fast_to_peer);
  Permission over = permission();
  over.expires = read_clocks().monotonic;
  ASSERT_TRUE(fast_path_->permit(over));
  EXPECT_EQ(fast_path_->why_permitted({1}, over.peer).reason, "the permission's time is over");
  flow.permission_expires = read_clocks().monotonic;
  ASSERT_TRUE(fast_path_->install(flow));
  EXPECT_EQ(fast_path_->why({1}, {0x4000}).reason, "the permission's time is over");
  flow.channel_expires = read_clocks().monotonic;
  ASSERT_TRUE(fast_path_->install(flow));
  EXPECT_EQ(fast_path_->why({1}, {0x4000}).reason, "the channel's time is over");
  short_lived.expires = read_clocks().monotonic;
  ASSERT_TRUE(fast_path_->set_allocation(short_lived));
  EXPECT_EQ(fast_path_->why({1}, {0x4000}).reason, "the allocation's time is over");
}

TEST_F(BindingsTest, ToAnAddressOfThisRelayNeverLeave) {
  for (const char* peer : {"192.0.2.1", "2002:c000:201::1"}) {  // itself, and by 6to4
    Binding inside = binding();
    inside.peer = {address(peer), 3478};
    ASSERT_TRUE(fast_path_->install(inside));
    EXPECT_EQ(entry<tp_binding>("bindings", the_slot(TP_BINDING_CHANNEL)).flags,
              static_cast<uint32_t>(TP_BINDING_PEER_IS_RELAYED));
    ASSERT_TRUE(fast_path_->permit(permission(peer)));
    EXPECT_EQ(entry<tp_binding>("bindings", the_slot(TP_BINDING_PERMISSION)).flags,
              static_cast<uint32_t>(TP_BINDING_PEER_IS_RELAYED));
    fast_path_->forbid({1}, address(peer));
  }
}

TEST_F(BindingsTest, BetweenTwoClientsOfThisRelayAreMarked) {
  allocate(2);
  Binding one = binding();
  one.peer = session(2).relayed;
  Binding other = binding(0x4005);
  other.allocation = {2};
  other.five_tuple = session(2).five_tuple;
  other.relayed = one.peer;
  other.peer = one.relayed;
  ASSERT_TRUE(fast_path_->install(one));
  EXPECT_EQ(entry<tp_binding>("bindings", the_slot(TP_BINDING_CHANNEL)).flags,
            static_cast<uint32_t>(TP_BINDING_PEER_IS_RELAYED));
  EXPECT_NE(fast_path_->why({1}, {0x4000}).reason.find("no client there has permitted"), std::string::npos);
  ASSERT_TRUE(fast_path_->install(other));
  EXPECT_TRUE(eventually([&] { return fast(); })) << fast_path_->why({1}, {0x4000}).reason;
}

class TimeNamespaceTest : public XdpTest {};

// Expiries would be of another clock than the programs'. In a process of its own: out of a time namespace no
// way leads back for one that has threads, and a sanitizer's are enough.
TEST_F(TimeNamespaceTest, HasNoFastPath) {
  const auto start_in_another = [this] {
    if (unshare(CLONE_NEWTIME) != 0) std::_Exit(2);
    std::ofstream("/proc/self/timens_offsets") << "monotonic 1000 0" << std::flush;
    const auto created = create();
    std::fputs(created ? "created" : created.error().message.c_str(), stderr);
    const bool refused = !created && created.error().code == ErrorCode::kUnsupported;
    stop();
    std::_Exit(refused ? 0 : 1);
  };
  EXPECT_EXIT(start_in_another(), testing::ExitedWithCode(0), "start the relay outside a time namespace");
}

}  // namespace
}  // namespace turnpike::fastpath
