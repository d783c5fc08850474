// SPDX-License-Identifier: Apache-2.0
//
// A relay that starts over what another left in the kernel.
#include <atomic>

#include "unit/xdp_fixture.h"

namespace turnpike::fastpath {
namespace {

class SessionTakeoverTest : public XdpTest {
 protected:
  void SetUp() override {
    XdpTest::SetUp();
    set_peer_gro(true);
    options_.max_bindings = 16;
    start();
    name_all();
    ASSERT_TRUE(eventually([&] { return fast(); })) << fast_path_->why({1}, {0x4000}).reason;
  }
  // Session 1 with a permission and a channel, as a relay names them at its start.
  void name_all() {
    allocate();
    ASSERT_TRUE(fast_path_->permit(permission()));
    ASSERT_TRUE(fast_path_->install(binding()));
  }
  void restart() {
    leave();
    start();
  }
  tp_binding channel() { return entry<tp_binding>("bindings", the_slot(TP_BINDING_CHANNEL)); }
  static std::string channel_data(const std::string& text) {
    return std::string("\x40\0\0", 3) + static_cast<char>(text.size()) + text;
  }
  // Of the peer's datagrams and the client's ChannelData, through the kernel.
  uint64_t relayed() const {
    const ReasonCounters reasons = fast_path_->reasons();
    return reasons[TP_RELAYED_TO_PEER].packets + reasons[TP_RELAYED_TO_CLIENT].packets;
  }
};

TEST_F(SessionTakeoverTest, GoesOnWithTheSameSlotsAndCounters) {
  const UniqueFd client = udp_socket(binding().five_tuple.client, true);
  const UniqueFd peer = udp_socket(binding().peer, true);
  send(client, binding().five_tuple.server, channel_data("before"));
  ASSERT_EQ(receive(peer), "before");
  const tp_binding old = channel();
  leave();
  // Nobody is there, and still it is relayed.
  send(client, binding().five_tuple.server, channel_data("meanwhile"));
  EXPECT_EQ(receive(peer), "meanwhile");
  start();
  send(client, binding().five_tuple.server, channel_data("again"));
  EXPECT_EQ(receive(peer), "again");
  name_all();
  EXPECT_EQ(fast_path_->finish_takeover(), 0u);
  const tp_binding taken = channel();
  EXPECT_EQ(taken.generation, old.generation);
  EXPECT_GT(taken.channel_expires, old.channel_expires);
  EXPECT_EQ(taken.peer_next_hop, old.peer_next_hop);
  EXPECT_EQ(flows().size(), 4u);
  EXPECT_TRUE(fast()) << fast_path_->why({1}, {0x4000}).reason;
  send(peer, binding().relayed, "back");
  EXPECT_EQ(receive(client).substr(4, 4), "back");
  const RelayCounters expected{3, 20, 1, 4};
  EXPECT_EQ(fast_path_->counters({1}).relayed, expected);
  EXPECT_EQ(table("bindings").used, 3u);
  EXPECT_EQ(table("flows").used, 4u);
  EXPECT_EQ(table("allocations").used, 1u);
}

TEST_F(SessionTakeoverTest, LosesNoPacketOfAStream) {
  const UniqueFd client = udp_socket(binding().five_tuple.client, true);
  const UniqueFd peer = udp_socket(binding().peer, true);
  std::atomic<bool> over = false;
  unsigned sent = 0;
  unsigned received = 0;
  std::thread sender([&] {
    for (; !over; ++sent) {
      send(client, binding().five_tuple.server, channel_data("x"));
      if (receive(peer, std::chrono::milliseconds(500)) == "x") ++received;
    }
  });
  const uint64_t before = relayed();
  for (int i = 0; i < 3; ++i) {
    restart();
    name_all();
    EXPECT_EQ(fast_path_->finish_takeover(), 0u);
  }
  over = true;
  sender.join();
  EXPECT_GT(sent, 20u);
  EXPECT_EQ(received, sent);
  EXPECT_EQ(relayed() - before, sent);  // and none took another way
}

TEST_F(SessionTakeoverTest, EndsWhatNobodyNames) {
  allocate(2);
  restart();
  allocate(2);
  EXPECT_EQ(fast_path_->finish_takeover(), 3u);
  EXPECT_EQ(flows().size(), 1u);
  EXPECT_TRUE(slots(TP_BINDING_CHANNEL).empty());
  EXPECT_TRUE(slots(TP_BINDING_PERMISSION).empty());
  EXPECT_EQ(table("allocations").used, 1u);
  EXPECT_EQ(table("bindings").used, 1u);
  EXPECT_EQ(table("next_hops").used, 0u);
  EXPECT_EQ(fast_path_->finish_takeover(), 0u);
}

TEST_F(SessionTakeoverTest, ReplacesWhatIsOtherwiseNow) {
  const uint32_t old_slot = the_slot(TP_BINDING_CHANNEL);
  const uint32_t old = channel().generation;
  restart();
  allocate();
  Binding moved = binding();
  moved.peer.port = 6001;
  ASSERT_TRUE(fast_path_->install(moved));
  EXPECT_EQ(channel().peer.port, htons(6001));
  EXPECT_EQ(entry<tp_binding>("bindings", old_slot).generation, 0u);
  EXPECT_EQ(entry<tp_binding>("bindings", old_slot).last_generation, old);
  EXPECT_EQ(fast_path_->finish_takeover(), 1u);  // the permission
  EXPECT_EQ(flows().size(), 3u);
}

TEST_F(SessionTakeoverTest, NeverRepeatsAGeneration) {
  const uint32_t slot = the_slot(TP_BINDING_CHANNEL);
  const uint32_t old = channel().generation;
  fast_path_->remove({1}, {0x4000});
  restart();
  fast_path_->finish_takeover();
  allocate();
  for (uint16_t i = 0; i < 15; ++i)
    (void)fast_path_->install(binding(0x4001 + i, 6001 + i));
  const auto reused = entry<tp_binding>("bindings", slot);
  EXPECT_GT(reused.generation, old);
}

TEST_F(SessionTakeoverTest, MakesUpForFlowsThatAreMissing) {
  leave();
  {
    const UniqueFd all = map("flows");
    tp_flow_key key{};
    while (bpf_map_get_next_key(all.get(), nullptr, &key) == 0)
      ASSERT_EQ(bpf_map_delete_elem(all.get(), &key), 0);
  }
  start();
  const uint32_t old = channel().generation;
  name_all();
  EXPECT_EQ(channel().generation, old);
  EXPECT_EQ(flows().size(), 4u);
  EXPECT_EQ(table("flows").used, 4u);
  EXPECT_EQ(fast_path_->finish_takeover(), 0u);
  EXPECT_TRUE(fast());
}

TEST_F(SessionTakeoverTest, TakesASlotThatWasBeingWrittenAsFree) {
  leave();
  const uint32_t slot = the_slot(TP_BINDING_CHANNEL);
  auto torn = entry<tp_binding>("bindings", slot);
  torn.generation = 0;
  torn.peer.port = htons(9);
  torn.last_generation = 5;
  write("bindings", slot, torn);  // its flow entries stay, and fit nothing
  start();
  name_all();
  EXPECT_EQ(fast_path_->finish_takeover(), 0u);
  EXPECT_EQ(flows().size(), 4u);
  EXPECT_TRUE(fast());
  for (const tp_flow& flow : flows())
    EXPECT_EQ(entry<tp_binding>("bindings", flow.binding).generation, flow.generation);
}

TEST_F(SessionTakeoverTest, RemovesFlowsWithoutASlot) {
  leave();
  {
    const UniqueFd all = map("flows");
    for (uint32_t i = 0; i < 3; ++i) {
      tp_flow_key key{};
      key.remote_port = static_cast<__be16>(i + 1);
      const tp_flow flow{i == 0 ? 1000u : i, 77};
      ASSERT_EQ(bpf_map_update_elem(all.get(), &key, &flow, BPF_ANY), 0);
    }
  }
  start();
  name_all();
  EXPECT_EQ(fast_path_->finish_takeover(), 0u);
  EXPECT_EQ(flows().size(), 4u);
  EXPECT_EQ(table("flows").used, 4u);
}

// A process died between the slot and its flow entries, and another binding has the flows now.
TEST_F(SessionTakeoverTest, LeavesTheFlowsOfOthersWhenAHalfWrittenSlotEnds) {
  leave();
  auto rival = entry<tp_binding>("bindings", the_slot(TP_BINDING_CHANNEL));
  rival.generation = rival.last_generation = 9;
  rival.allocation = 7;
  write("bindings", 15, rival);
  start();
  name_all();
  EXPECT_EQ(fast_path_->finish_takeover(), 1u);
  EXPECT_EQ(entry<tp_binding>("bindings", 15).generation, 0u);
  EXPECT_EQ(flows().size(), 4u);
  EXPECT_TRUE(fast());
}

TEST_F(SessionTakeoverTest, KeepsWhatUsersWereCharged) {
  fast_path_->remove_allocation({1});
  stop();
  options_.rates.user.quota_bytes = 100;
  start();
  allocate();
  allocate(2);
  const MonotonicTime now = read_clocks().monotonic;
  EXPECT_EQ(fast_path_->admit({1}, Direction::kToPeer, 60, now), Admission::kAdmitted);
  const uint32_t user = entry<tp_allocation>("allocations", 0).user;
  EXPECT_NE(user, 0u);
  EXPECT_EQ(entry<tp_user>("users", user).policer.used, 60u);
  restart();
  allocate(2);
  EXPECT_EQ(fast_path_->admit({2}, Direction::kToClient, 60, now), Admission::kUserQuota);
  fast_path_->finish_takeover();
  EXPECT_EQ(fast_path_->admit({2}, Direction::kToClient, 40, now), Admission::kAdmitted);
  EXPECT_EQ(table("users").used, 1u);
  fast_path_->remove_allocation({2});
  EXPECT_EQ(table("users").used, 0u);
}

TEST_F(SessionTakeoverTest, UsesMapsOfAnotherSizeAsTheyAre) {
  leave();
  options_.max_bindings = 64;
  start();
  EXPECT_EQ(table("bindings").size, 16u);
  options_.max_bindings = 16;
  name_all();
  EXPECT_EQ(fast_path_->finish_takeover(), 0u);
}

TEST_F(SessionTakeoverTest, ForgetsBlocksThatAreNotNamedAgain) {
  const MonotonicTime ever = MonotonicTime::max();
  ASSERT_TRUE(fast_path_->block(Prefix::parse("198.51.100.0/24").value(), ever));
  ASSERT_TRUE(fast_path_->block(Prefix::parse("2001:db8:1::/48").value(), ever));
  restart();
  EXPECT_EQ(table("blocked").used, 2u);
  ASSERT_TRUE(fast_path_->block(Prefix::parse("198.51.100.0/24").value(), ever));
  fast_path_->finish_takeover();
  EXPECT_EQ(table("blocked").used, 1u);
  EXPECT_EQ(entry<tp_control>("control", 0).blocked, 1u);
}

}  // namespace
}  // namespace turnpike::fastpath
