// SPDX-License-Identifier: Apache-2.0
//
// What the program is told apart from sessions, and what it reports.
#include <poll.h>

#include "fastpath/event_ring.h"
#include "unit/xdp_fixture.h"

namespace turnpike::fastpath {
namespace {

class DefenceTest : public XdpTest {
 protected:
  static Prefix prefix(const std::string& text) { return Prefix::parse(text).value(); }
  static tp_control control() { return entry<tp_control>("control", 0); }
};

TEST_F(DefenceTest, WritesControlAsTheOptionsSay) {
  options_.requests = {500, 2000};
  options_.bindings = {100, 10};
  options_.answer_binding = true;
  options_.translations = {{address("192.0.2.1"), address("198.51.100.1")}};
  start();
  EXPECT_EQ(control().abi_version, static_cast<uint32_t>(TP_ABI_VERSION));
  EXPECT_EQ(control().flags, static_cast<uint32_t>(TP_CONTROL_ANSWER_BINDING));
  EXPECT_EQ(control().request_cost, 16'000'000'000u / 500);
  EXPECT_EQ(control().request_burst, 16'000'000'000u / 500 * 2000);
  EXPECT_EQ(control().binding_cost, 160'000'000u);
  EXPECT_EQ(control().binding_burst, 1'600'000'000u);
  EXPECT_NE(control().too_big_cost, 0u);
  EXPECT_EQ(control().trace, 0u);
  EXPECT_EQ(control().translations, 2u);
  for (const bool to_external : {false, true}) {
    tp_translation_key key{};
    const IpAddress from = address(to_external ? "192.0.2.1" : "198.51.100.1");
    const IpAddress to = address(to_external ? "198.51.100.1" : "192.0.2.1");
    std::copy(from.bytes().begin(), from.bytes().end(), key.address);
    key.to_external = to_external ? 1 : 0;
    IpAddress::Storage value{};
    ASSERT_EQ(bpf_map_lookup_elem(map("translations").get(), &key, value.data()), 0);
    EXPECT_EQ(value, to.bytes());
  }
  uint32_t own = 0;
  EXPECT_EQ(bpf_map_lookup_elem(map("own_addresses").get(), address("192.0.2.1").bytes().data(), &own), 0);
}

TEST_F(DefenceTest, AnswersNoBindingRequestWhereTagsAreHidden) {
  options_.answer_binding = true;
  options_.mode = Mode::kNative;
  set_peer_gro(true);
  if (std::system("ip link add link tp0 name tp0.5 type vlan id 5 2>/dev/null") != 0)
    GTEST_SKIP() << "this kernel has no VLANs (802.1Q)";
  start();
  EXPECT_EQ(control().flags, 0u);
  run("ip link del tp0.5");
  EXPECT_TRUE(eventually([&] {
    fast_path_->handle_events();
    return control().flags == TP_CONTROL_ANSWER_BINDING;
  }));
}

TEST_F(DefenceTest, WritesOnlyItsOwnAddressesAfterATakeover) {
  start();
  leave();
  options_.local_addresses = {address("192.0.2.1"), address("::")};
  options_.relay_addresses = {address("192.0.2.1")};
  start();
  uint32_t own = 0;
  const UniqueFd all = map("own_addresses");
  EXPECT_EQ(bpf_map_lookup_elem(all.get(), address("192.0.2.1").bytes().data(), &own), 0);
  EXPECT_NE(bpf_map_lookup_elem(all.get(), address("2001:db8::1").bytes().data(), &own), 0);
  EXPECT_NE(bpf_map_lookup_elem(all.get(), address("::").bytes().data(), &own), 0);
}

TEST_F(DefenceTest, DropsWhatBlockedSourcesSend) {
  set_peer_gro(true);
  start();
  ASSERT_TRUE(steering_->add_port(binding().five_tuple.server, PortKind::kListening, 0, 1));
  const UniqueFd server = udp_socket(binding().five_tuple.server, false);
  ASSERT_TRUE(steering_->set_socket(0, server.get()));
  const UniqueFd client = udp_socket(endpoint("192.0.2.2:40000"), true);
  const std::string stun("\0\1\0\0\x21\x12\xa4\x42............", 20);
  send(client, binding().five_tuple.server, stun);
  EXPECT_EQ(receive(server), stun);
  ASSERT_TRUE(fast_path_->block(prefix("192.0.2.2/32"), read_clocks().monotonic + Seconds(60)));
  EXPECT_EQ(control().blocked, 1u);
  EXPECT_EQ(table("blocked").used, 1u);
  send(client, binding().five_tuple.server, stun);
  EXPECT_TRUE(nothing_comes(server));
  EXPECT_EQ(fast_path_->reasons()[TP_DROP_BLOCKED].packets, 1u);
  fast_path_->unblock(prefix("192.0.2.2/32"));
  EXPECT_EQ(control().blocked, 0u);
  send(client, binding().five_tuple.server, stun);
  EXPECT_EQ(receive(server), stun);
}

TEST_F(DefenceTest, MakesRoomByBlocksThatAreOver) {
  options_.max_blocked = 2;
  start();
  const MonotonicTime now = read_clocks().monotonic;
  ASSERT_TRUE(fast_path_->block(prefix("198.51.100.1/32"), now + Seconds(60)));
  ASSERT_TRUE(fast_path_->block(prefix("198.51.100.2/32"), now + Seconds(60)));
  EXPECT_EQ(fast_path_->block(prefix("198.51.100.3/32"), now).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(table("blocked").refused, 1u);
  ASSERT_TRUE(fast_path_->block(prefix("198.51.100.1/32"), now));  // a new expiry needs no room
  ASSERT_TRUE(fast_path_->block(prefix("198.51.100.3/32"), now + Seconds(60)));
  EXPECT_EQ(table("blocked").used, 2u);
}

TEST_F(DefenceTest, KeepsANarrowBlockAsLongAsAWiderOne) {
  start();
  const auto until = [](const std::string& text) {
    tp_prefix key{};
    key.length = prefix(text).bits();
    std::copy_n(prefix(text).address().bytes().begin(), sizeof key.address, key.address);
    tp_block block{};
    EXPECT_EQ(bpf_map_lookup_elem(map("blocked").get(), &key, &block), 0) << text;
    return MonotonicTime(Nanoseconds(block.expires));
  };
  const MonotonicTime soon = read_clocks().monotonic + Seconds(10);
  const MonotonicTime later = soon + Seconds(10);
  ASSERT_TRUE(fast_path_->block(prefix("198.51.100.7/32"), soon));
  ASSERT_TRUE(fast_path_->block(prefix("198.51.101.7/32"), soon));
  ASSERT_TRUE(fast_path_->block(prefix("198.51.100.0/24"), later));
  EXPECT_EQ(until("198.51.100.7/32"), later);
  EXPECT_EQ(until("198.51.101.7/32"), soon);
  ASSERT_TRUE(fast_path_->block(prefix("198.51.100.8/30"), soon));
  EXPECT_EQ(until("198.51.100.8/30"), later);
  ASSERT_TRUE(fast_path_->block(prefix("198.51.96.0/21"), later + Seconds(10)));
  EXPECT_EQ(until("198.51.100.7/32"), later + Seconds(10));
  leave();
  start();
  ASSERT_TRUE(fast_path_->block(prefix("198.51.100.7/32"), soon));
  ASSERT_TRUE(fast_path_->block(prefix("198.51.100.0/24"), later));
  fast_path_->finish_takeover();
  EXPECT_EQ(until("198.51.100.7/32"), later);
  fast_path_->unblock(prefix("198.51.100.0/24"));
  EXPECT_EQ(until("198.51.100.7/32"), soon);
  EXPECT_EQ(table("blocked").used, 1u);
}

TEST_F(DefenceTest, DoesNotTakeIpv4ForPartOfIpv6) {
  start();
  for (const char* wide : {"::/0", "::/80", "::/1"})
    EXPECT_EQ(fast_path_->block(prefix(wide), MonotonicTime::max()).error().code, ErrorCode::kUnsupported);
  for (const char* fine : {"2000::/3", "0.0.0.0/1", "::/96"})
    EXPECT_TRUE(fast_path_->block(prefix(fine), MonotonicTime::max())) << fine;
}

TEST_F(DefenceTest, TracesAnAllocationsPackets) {
  set_peer_gro(true);
  start();
  allocate();
  ASSERT_TRUE(fast_path_->install(binding()));
  ASSERT_TRUE(eventually([&] { return fast(); }));
  std::vector<tp_event> events;
  fast_path_->on_event([&](const tp_event& event) {
    events.push_back(event);
    if (events.size() != 2) return;
    EXPECT_EQ(fast_path_->trace({0}, 0), 0u);  // from inside, too
  });
  EXPECT_EQ(fast_path_->trace({1}, 10), 0u);
  EXPECT_EQ(control().trace, 1u);
  const UniqueFd client = udp_socket(binding().five_tuple.client, true);
  const UniqueFd peer = udp_socket(binding().peer, true);
  send(client, binding().five_tuple.server, std::string("\x40\0\0\1x", 5));
  EXPECT_EQ(receive(peer), "x");
  ASSERT_TRUE(eventually([&] {
    fast_path_->handle_events();
    return events.size() >= 2;
  }));
  EXPECT_EQ(events[0].kind, static_cast<uint32_t>(TP_EVENT_TRACE_IN));
  EXPECT_EQ(events[1].kind, static_cast<uint32_t>(TP_EVENT_TRACE_OUT));
  EXPECT_EQ(events[1].reason, static_cast<uint32_t>(TP_RELAYED_TO_PEER));
  EXPECT_EQ(events[0].sequence, events[1].sequence);
  EXPECT_EQ(control().trace, 0u);
}

TEST_F(DefenceTest, ReportsNoMoreThanSomeEventsInARow) {
  set_peer_gro(true);
  start();
  allocate();
  ASSERT_TRUE(fast_path_->install(binding()));
  ASSERT_TRUE(eventually([&] { return fast(); }));
  unsigned events = 0;
  fast_path_->on_event([&](const tp_event& /*event*/) { ++events; });
  fast_path_->trace({1}, 10'000);
  const UniqueFd client = udp_socket(binding().five_tuple.client, true);
  const UniqueFd peer = udp_socket(binding().peer, true);
  for (unsigned i = 0; i < EventRing::kInARow; ++i) {  // two events each
    send(client, binding().five_tuple.server, std::string("\x40\0\0\1x", 5));
    ASSERT_EQ(receive(peer), "x");
  }
  fast_path_->handle_events();
  EXPECT_EQ(events, EventRing::kInARow);
  pollfd ready{fast_path_->event_fd(), POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, 0), 1);
  fast_path_->handle_events();
  EXPECT_EQ(events, 2 * EventRing::kInARow);
}

TEST_F(DefenceTest, CountsWhatATraceLeavesOut) {
  start();
  fast_path_->trace({1}, 10);
  auto words = control();
  words.trace_lost = 7;
  write("control", 0, words);
  EXPECT_EQ(fast_path_->trace({1}, 20), 7u);  // goes on
  EXPECT_EQ(fast_path_->trace({0}, 0), 7u);
  EXPECT_EQ(fast_path_->trace({2}, 10), 0u);
}

}  // namespace
}  // namespace turnpike::fastpath
