// SPDX-License-Identifier: Apache-2.0
//
// What the daemon settles before it serves: addresses, state directory, words for the log.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "app/blocks.h"
#include "app/event_hub.h"
#include "app/event_log.h"
#include "app/fast_path_choice.h"
#include "app/host_addresses.h"
#include "app/icmp_relay.h"
#include "app/log_limit.h"
#include "app/socket_slots.h"
#include "app/state_dir.h"
#include "app/table_watch.h"

namespace turnpike::app {
namespace {

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

class ChooseAddresses : public testing::Test {
 protected:
  ChooseAddresses() {
    add_link(1, "lo", true, true);
    add_link(2, "eth0", true, false);
    add_link(3, "eth1", false, false);
    locals_ = {{ip("127.0.0.1"), 1, false},  {ip("::1"), 1, false},     {ip("192.0.2.1"), 2, true},
               {ip("2001:db8::1"), 2, true}, {ip("fe80::1"), 2, false}, {ip("198.51.100.1"), 3, true}};
  }
  void add_link(unsigned index, const char* name, bool up, bool loopback) {
    net::Link link;
    link.ifindex = index;
    link.name = name;
    link.enabled = up;
    link.loopback = loopback;
    links_.push_back(link);
  }

  std::vector<net::Link> links_;
  std::vector<net::LocalAddress> locals_;
  config::Config config_;
};

TEST_F(ChooseAddresses, TakesGlobalAddressesOfLinksThatAreUp) {
  const auto addresses = choose_addresses(config_, links_, locals_);
  ASSERT_TRUE(addresses) << addresses.error().message;
  EXPECT_EQ(addresses->listening,
            (std::vector<Endpoint>{{ip("192.0.2.1"), 3478}, {ip("2001:db8::1"), 3478}}));
  EXPECT_EQ(addresses->relay_local(), (std::vector<IpAddress>{ip("192.0.2.1"), ip("2001:db8::1")}));
  EXPECT_EQ(addresses->host.size(), locals_.size());
}

TEST_F(ChooseAddresses, TakesTheLoopbackOnlyWhenThereIsNothingElse) {
  links_[1].enabled = false;
  const auto addresses = choose_addresses(config_, links_, locals_);
  ASSERT_TRUE(addresses) << addresses.error().message;
  EXPECT_EQ(addresses->listening, (std::vector<Endpoint>{{ip("127.0.0.1"), 3478}, {ip("::1"), 3478}}));
}

TEST_F(ChooseAddresses, TakesWhatTheConfigurationNames) {
  config_.listen.addresses = {ip("127.0.0.1")};
  config_.listen.port = 5000;
  config_.relay.addresses = {ip("198.51.100.1"), ip("192.0.2.1")};
  config_.relay.external = {{ip("192.0.2.1"), ip("203.0.113.9")}};
  const auto addresses = choose_addresses(config_, links_, locals_);
  ASSERT_TRUE(addresses) << addresses.error().message;
  EXPECT_EQ(addresses->listening, (std::vector<Endpoint>{{ip("127.0.0.1"), 5000}}));
  ASSERT_EQ(addresses->relay.size(), 2U);
  EXPECT_EQ(addresses->relay[0].external, ip("198.51.100.1"));
  EXPECT_EQ(addresses->relay[1].external, ip("203.0.113.9"));
}

TEST_F(ChooseAddresses, RefusesAForeignAddressAndListsTheHosts) {
  config_.listen.addresses = {ip("192.0.2.99")};
  const auto addresses = choose_addresses(config_, links_, locals_);
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(
      addresses.error().message,
      "listen.addresses: expected an address of this host, got 192.0.2.99; this host has 127.0.0.1, ::1, "
      "192.0.2.1, 2001:db8::1, fe80::1, 198.51.100.1");
}

TEST_F(ChooseAddresses, RefusesAHostWithoutAny) {
  const auto addresses = choose_addresses(config_, {}, {});
  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().code, ErrorCode::kNotFound);
}

class StateDirTest : public testing::Test {
 protected:
  StateDirTest() {
    std::string name = testing::TempDir() + "turnpike-state-XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~StateDirTest() override { std::filesystem::remove_all(root_); }
  static unsigned mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777U;
  }

  std::string root_;
};

TEST_F(StateDirTest, KeepsASecretReadableByItsOwnerAlone) {
  const std::string path = root_ + "/above/state";
  {
    const auto state = StateDir::open(path);
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_EQ(state->keep("secret", [] { return std::string("first"); }).value(), "first");
  }
  const auto state = StateDir::open(path);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->keep("secret", [] { return std::string("second"); }).value(), "first");
  EXPECT_EQ(mode_of(path), 0700U);
  EXPECT_EQ(mode_of(path + "/secret"), 0600U);
}

TEST_F(StateDirTest, IsRefusedToASecondDaemon) {
  const auto first = StateDir::open(root_);
  ASSERT_TRUE(first);
  const auto second = StateDir::open(root_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  EXPECT_NE(second.error().message.find(root_), std::string::npos);
}

TEST_F(StateDirTest, ADirectoryThatOthersMayEnterIsRefusedAndLeftAsItIs) {
  ASSERT_EQ(chmod(root_.c_str(), 0755), 0);
  const auto state = StateDir::open(root_);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::kInvalid);
  EXPECT_NE(state.error().message.find(root_), std::string::npos);
  EXPECT_EQ(mode_of(root_), 0755U);
}

TEST_F(StateDirTest, AnEmptySecretIsNotReplaced) {
  const auto state = StateDir::open(root_);
  ASSERT_TRUE(state);
  std::ofstream(root_ + "/secret").close();
  const auto secret = state->keep("secret", [] { return std::string("fresh"); });
  ASSERT_FALSE(secret);
  EXPECT_NE(secret.error().message.find("/secret"), std::string::npos);
}

TEST(EventLog, TellsAddressesAndNamesOnlyWhenAskedTo) {
  turn::Event event{};
  event.kind = turn::Event::Kind::kRefused;
  event.five_tuple = {{ip("192.0.2.9"), 40000}, {ip("192.0.2.1"), 3478}, Transport::kUdp};
  event.allocation = AllocationId{0x1234};
  event.username = "alice";
  event.code = stun::StatusCode::kForbidden;
  event.reason = "loopback";
  EXPECT_EQ(describe(event, false), "refused 0000000000001234 403: loopback");
  EXPECT_EQ(describe(event, true),
            "refused 0000000000001234 403: loopback, user alice, udp 192.0.2.9:40000 -> 192.0.2.1:3478");
}

TEST(LogLimit, LetsOneThroughAnIntervalAndCountsTheRest) {
  LogLimit limit(Seconds(10));
  const MonotonicTime start{Seconds(100)};
  EXPECT_EQ(limit.admit(start), 0U);
  EXPECT_EQ(limit.admit(start + Seconds(1)), std::nullopt);
  EXPECT_EQ(limit.admit(start + Seconds(10) - Nanoseconds(1)), std::nullopt);
  EXPECT_EQ(limit.admit(start + Seconds(10)), 2U);
  EXPECT_EQ(limit.admit(start + Seconds(20)), 0U);
}

TEST(EventHub, TellsWhoeverAskedUntilHeAsksNoMore) {
  EventHub hub;
  std::vector<int> heard;
  EventHub::Subscription first = 0;
  first = hub.subscribe([&](const tp_event&) {
    heard.push_back(1);
    hub.unsubscribe(first);
  });
  hub.subscribe([&](const tp_event&) { heard.push_back(2); });
  const tp_event event{};
  hub.publish(event);
  hub.publish(event);
  EXPECT_EQ(heard, (std::vector<int>{1, 2, 2}));
}

TEST(TableWatch, NamesFullTablesAndTheirKeys) {
  EXPECT_TRUE(full_tables({{"bindings", 899, 1000, 0}, {"users", 0, 0, 0}}).empty());
  const auto lines = full_tables({{"bindings", 900, 1000, 3}, {"next_hops", 10, 10, 0}});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("bindings is 90 % full (900 of 1000, 3 refused"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("raise fastpath.max_bindings"), std::string::npos) << lines[0];
  EXPECT_EQ(lines[1].find("raise"), std::string::npos) << lines[1];
}

class BlocksTest : public StateDirTest {
 protected:
  void SetUp() override { open(); }
  void open() {
    blocks_.reset();
    sources_.emplace(guard::SourceRates{});
    state_.reset();
    auto state = StateDir::open(root_);
    ASSERT_TRUE(state) << state.error().message;
    state_.emplace(std::move(*state));
    blocks_.emplace(*state_, *sources_, *fast_path_);
  }

  const Now now_{MonotonicTime(Seconds(1000)), WallTime(Seconds(1'700'000'000))};
  std::unique_ptr<fastpath::FastPath> fast_path_ = fastpath::create_null_fast_path("test", {});
  std::optional<guard::SourceList> sources_;
  std::optional<StateDir> state_;
  std::optional<Blocks> blocks_;
};

TEST_F(BlocksTest, OutliveTheProcessUntilTheyExpire) {
  ASSERT_TRUE(blocks_->block(Prefix::parse("192.0.2.0/24").value(), std::nullopt, now_));
  ASSERT_TRUE(blocks_->block(Prefix::parse("2001:db8::7").value(), Seconds(60), now_));
  EXPECT_TRUE(sources_->blocked(ip("192.0.2.9"), now_.monotonic));
  open();
  EXPECT_FALSE(sources_->blocked(ip("192.0.2.9"), now_.monotonic));
  // Another boot: the monotonic clock has started anew.
  const Now later{MonotonicTime(Seconds(5)), now_.wall + Seconds(30)};
  ASSERT_TRUE(blocks_->load(later));
  EXPECT_EQ(blocks_->list().size(), 2U);
  EXPECT_TRUE(sources_->blocked(ip("192.0.2.9"), later.monotonic));
  EXPECT_TRUE(sources_->blocked(ip("2001:db8::7"), later.monotonic + Seconds(29)));
  EXPECT_FALSE(sources_->blocked(ip("2001:db8::7"), later.monotonic + Seconds(30)));
  blocks_->expire({later.monotonic + Seconds(30), later.wall + Seconds(30)});
  ASSERT_EQ(blocks_->list().size(), 1U);
  EXPECT_EQ(state_->read("blocked").value(), "192.0.2.0/24 -\n");
  EXPECT_TRUE(blocks_->unblock(Prefix::parse("192.0.2.0/24").value()).value());
  EXPECT_FALSE(blocks_->unblock(Prefix::parse("192.0.2.0/24").value()).value());
  EXPECT_FALSE(sources_->blocked(ip("192.0.2.9"), later.monotonic));
}

TEST_F(BlocksTest, AFileThatIsNotUnderstoodIsNamed) {
  ASSERT_TRUE(state_->write("blocked", "192.0.2.0/24 soon\n"));
  const auto loaded = blocks_->load(now_);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("got 'soon'"), std::string::npos) << loaded.error().message;
}

TEST_F(BlocksTest, ATimeThatNoClockReachesIsRefused) {
  for (const std::string time : {"9223372036854775807", "8000000001", "-1"}) {
    ASSERT_TRUE(state_->write("blocked", "192.0.2.0/24 " + time + "\n"));
    const auto loaded = blocks_->load(now_);
    ASSERT_FALSE(loaded) << time;
    EXPECT_NE(loaded.error().message.find("got " + time), std::string::npos) << loaded.error().message;
  }
  ASSERT_TRUE(state_->write("blocked", "192.0.2.0/24 8000000000\n"));
  ASSERT_TRUE(blocks_->load(now_));
  EXPECT_TRUE(sources_->blocked(ip("192.0.2.9"), now_.monotonic));
}

TEST(IcmpRelay, WithoutSocketsIsAnErrorAndNoMore) {
  auto loop = net::EventLoop::create();
  ASSERT_TRUE(loop);
  const auto fast_path = fastpath::create_null_fast_path("test", {});
  const turn::RelayPorts ports({ip("192.0.2.1")}, {50000, 50009});
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_FALSE(IcmpRelay::create({**loop, *fast_path, ports, {}, {}}));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(SocketSlots, AreAllDifferent) {
  const SocketSlots slots{3, 2};
  EXPECT_EQ(slots.listening(0, 0), 0U);
  EXPECT_EQ(slots.listening(0, 2), 2U);
  EXPECT_EQ(slots.listening(1, 0), 3U);
  EXPECT_EQ(slots.relay(0), 6U);
  EXPECT_EQ(slots.relay(2), 8U);
  EXPECT_EQ(slots.count(), 9U);
}

TEST(FastPathChoice, NamesInterfacesAndModes) {
  EXPECT_EQ(describe_interfaces({}), "off");
  EXPECT_EQ(describe_interfaces({{"eth0", 2, "", fastpath::Mode::kNative, "", ""},
                                 {"eth1", 3, "", fastpath::Mode::kGeneric, "why", ""}}),
            "eth0 native, eth1 generic");
}

}  // namespace
}  // namespace turnpike::app
