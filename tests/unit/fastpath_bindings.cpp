// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

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
  const FlowCounters counters = fast_path_->counters({1});
  EXPECT_EQ(counters.to_peer_packets, 2u);
  EXPECT_EQ(counters.to_peer_bytes, 10u);
  EXPECT_EQ(counters.to_client_packets, 2u);
  EXPECT_EQ(counters.to_client_bytes, 10u);
  EXPECT_EQ(fast_path_->reasons()[TP_RELAYED_TO_PEER].packets, 2u);
  fast_path_->remove({1}, {0x4000});
  EXPECT_EQ(fast_path_->counters({1}).to_peer_packets, 2u);
}

TEST_F(BindingsTest, AreWrittenAsTheAbiSays) {
  const Binding flow = binding();
  ASSERT_TRUE(fast_path_->install(flow));
  const auto written = entry<tp_binding>("bindings", 0);
  EXPECT_EQ(written.generation, 1u);
  EXPECT_EQ(written.flags, 0u);
  EXPECT_EQ(written.channel, htons(0x4000));
  EXPECT_EQ(written.channel_expires, kernel_nanoseconds(flow.channel_expires));
  EXPECT_EQ(written.permission_expires, kernel_nanoseconds(flow.permission_expires));
  EXPECT_EQ(written.client.port, htons(40000));
  EXPECT_EQ(written.server.port, htons(3478));
  EXPECT_EQ(written.relayed.port, htons(50000));
  EXPECT_EQ(written.peer.port, htons(6000));
  EXPECT_GT(entry<tp_allocation>("allocations", written.allocation).expires, 0u);
  ASSERT_EQ(flows().size(), 2u);
  for (const tp_flow& each : flows()) {
    EXPECT_EQ(each.binding, 0u);
    EXPECT_EQ(each.generation, 1u);
  }
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
  const auto written = entry<tp_binding>("bindings", 0);
  EXPECT_EQ(written.generation, 1u);
  EXPECT_EQ(written.channel_expires, kernel_nanoseconds(flow.channel_expires));
  EXPECT_EQ(written.permission_expires, kernel_nanoseconds(flow.permission_expires));
  EXPECT_EQ(flows().size(), 2u);
}

TEST_F(BindingsTest, AreReplacedWhenTheirPeerChanges) {
  ASSERT_TRUE(fast_path_->install(binding(0x4000, 6000)));
  ASSERT_TRUE(fast_path_->install(binding(0x4000, 6001)));
  EXPECT_EQ(entry<tp_binding>("bindings", 0).generation, 0u);
  EXPECT_EQ(entry<tp_binding>("bindings", 1).peer.port, htons(6001));
  EXPECT_EQ(flows().size(), 2u);
}

TEST_F(BindingsTest, RestBeforeTheirSlotIsUsedAgain) {
  for (uint16_t i = 0; i < 8; ++i)
    ASSERT_TRUE(fast_path_->install(binding(0x4000 + i, 6000 + i)));
  EXPECT_EQ(fast_path_->install(binding(0x4100, 7000)).error().code, ErrorCode::kExhausted);
  EXPECT_NE(fast_path_->why({1}, {0x4100}).reason.find("full"), std::string::npos);
  fast_path_->remove({1}, {0x4003});
  EXPECT_EQ(entry<tp_binding>("bindings", 3).generation, 0u);
  EXPECT_EQ(flows().size(), 14u);
  EXPECT_EQ(fast_path_->install(binding(0x4100, 7000)).error().code, ErrorCode::kExhausted);
  std::this_thread::sleep_for(std::chrono::milliseconds(1050));
  ASSERT_TRUE(fast_path_->install(binding(0x4100, 7000)));
  EXPECT_EQ(entry<tp_binding>("bindings", 3).generation, 2u);
  EXPECT_EQ(entry<tp_binding>("bindings", 3).channel, htons(0x4100));
  EXPECT_EQ(fast_path_->why({1}, {0x4100}).reason.find("full"), std::string::npos);
}

TEST_F(BindingsTest, LeaveNothingBehindWhenAFlowCannotBeWritten) {
  const UniqueFd table = map("flows");
  for (uint16_t i = 0; i < 15; ++i) {  // of 16: one is left for two
    tp_flow_key key{};
    key.remote_port = i;
    const tp_flow flow{7, 7};
    ASSERT_EQ(bpf_map_update_elem(table.get(), &key, &flow, BPF_ANY), 0);
  }
  EXPECT_EQ(fast_path_->install(binding()).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(flows().size(), 15u);
  EXPECT_EQ(entry<tp_binding>("bindings", 0).generation, 0u);
  EXPECT_EQ(fast_path_->why({1}, {0x4000}).reason, "the table of flows is full");
}

TEST_F(BindingsTest, RefuseAFlowThatAnotherHas) {
  ASSERT_TRUE(fast_path_->install(binding(0x4000, 6000)));
  EXPECT_EQ(fast_path_->install(binding(0x4001, 6000)).error().code, ErrorCode::kInUse);
  EXPECT_EQ(flows().size(), 2u);
}

TEST_F(BindingsTest, GoWithTheirAllocation) {
  ASSERT_TRUE(fast_path_->install(binding(0x4000, 6000)));
  ASSERT_TRUE(fast_path_->install(binding(0x4001, 6001)));
  const uint32_t slot = entry<tp_binding>("bindings", 0).allocation;
  fast_path_->remove_allocation({1});
  EXPECT_TRUE(flows().empty());
  EXPECT_EQ(entry<tp_allocation>("allocations", slot).expires, 0u);
  EXPECT_EQ(entry<tp_binding>("bindings", 1).generation, 0u);
  EXPECT_FALSE(fast_path_->why({1}, {0x4000}).fast_to_peer);
}

TEST_F(BindingsTest, CountFullAllocations) {
  for (uint64_t id = 2; id <= 8; ++id)
    allocate(id);
  EXPECT_EQ(fast_path_->set_allocation({9}, read_clocks().monotonic).error().code, ErrorCode::kExhausted);
}

TEST_F(BindingsTest, BetweenTwoClientsOfThisRelayAreMarked) {
  allocate(2);
  Binding one = binding();
  one.peer = endpoint("192.0.2.1:50002");
  Binding other = binding(0x4005);
  other.allocation = {2};
  other.five_tuple.client = endpoint("192.0.2.3:40000");
  other.relayed = one.peer;
  other.peer = one.relayed;
  ASSERT_TRUE(fast_path_->install(one));
  EXPECT_EQ(entry<tp_binding>("bindings", 0).flags, static_cast<uint32_t>(TP_BINDING_PEER_IS_RELAYED));
  EXPECT_NE(fast_path_->why({1}, {0x4000}).reason.find("has bound no channel"), std::string::npos);
  ASSERT_TRUE(fast_path_->install(other));
  EXPECT_TRUE(eventually([&] { return fast(); })) << fast_path_->why({1}, {0x4000}).reason;
}

}  // namespace
}  // namespace turnpike::fastpath
