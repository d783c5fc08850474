// SPDX-License-Identifier: Apache-2.0
//
// Whatever a server has done before it dies: the one that is made of its records is its equal, and stays so.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;
using stun::Method;

constexpr uint16_t kClients = 8;

class Twins {
 public:
  explicit Twins(unsigned seed) : engine_(seed) {
    for (uint16_t i = 0; i < kClients; ++i)
      clients_.emplace_back(first_, static_cast<uint16_t>(1000 + i), i % 3 == 0 ? "bob" : "alice");
  }

  void step() {
    Client& client = clients_[pick(kClients)];
    switch (pick(10)) {
      case 0:
        return from(client, client.allocate_request(pick(4) == 0 ? both_families() : Fill{}));
      case 1:
        return from(client, client.request(Method::kRefresh, lifetime()));
      case 2:
      case 3:
        return from(client, client.request(Method::kCreatePermission, grant(false)));
      case 4:
      case 5:
        return from(client, client.request(Method::kChannelBind, grant(true)));
      case 6:
        return from(client, {0x40, static_cast<uint8_t>(pick(6)), 0, 1, 'x'});
      case 7:
        return from_peer();
      default:
        return advance(std::chrono::milliseconds(pick(40000)), pick(2) == 0);
    }
  }

  // The first server's records become a second server, perhaps long after.
  void restart() {
    event([](World& world) { world.server->save_counters(); });
    first_.advance(Seconds(1 + pick(700)));
    World& heir = heir_.emplace();
    heir.follow(first_);
    for (const SavedSession& saved : first_.records.load())
      heir.restore(saved);
    heir.server->restore_totals(first_.server->counters());
    first_.timeout();
    compare();
  }

  void finish() {
    advance(Seconds(10000), true);
    compare();
    EXPECT_TRUE(heir_->records.load().empty());
    EXPECT_EQ(heir_->quota.total, 0);
    EXPECT_EQ(heir_->server->next_timeout(), std::nullopt);
  }

 private:
  uint32_t pick(uint32_t bound) { return std::uniform_int_distribution<uint32_t>(0, bound - 1)(engine_); }
  Endpoint random_peer() {
    const auto last = static_cast<uint8_t>(pick(5));
    return {IpAddress::v4(203, 0, 113, last), static_cast<uint16_t>(1 + pick(2))};
  }
  static Fill both_families() { return attribute(AttributeType::kAdditionalAddressFamily, {2, 0, 0, 0}); }
  Fill lifetime() {
    const uint32_t asked = pick(4) == 0 ? 0 : 600 + pick(2000);
    return [=](stun::MessageBuilder& b) { b.add_u32(AttributeType::kLifetime, asked); };
  }
  Fill grant(bool channel) {
    const Endpoint peer = random_peer();
    const auto number = static_cast<uint16_t>(0x4000 + pick(6));
    return [=](stun::MessageBuilder& b) {
      if (channel) b.add_channel_number(number);
      b.add_xor_address(AttributeType::kXorPeerAddress, peer);
    };
  }

  void from(const Client& client, const Datagram& datagram) {
    event([&](World& world) { world.server->handle_client(datagram, client.five_tuple, {}, world.now); });
  }
  void from_peer() {
    const auto sessions = sorted_sessions(first_);
    if (sessions.empty()) return;
    const Endpoint relayed = sessions[pick(static_cast<uint32_t>(sessions.size()))].relayed;
    const Endpoint peer = random_peer();
    event([&](World& world) { world.server->handle_peer(bytes_of("x"), peer, relayed, {}, world.now); });
  }
  void advance(Nanoseconds time, bool timeout) {
    first_.advance(time);
    if (heir_) heir_->advance(time);
    if (timeout) event([](World& world) { world.server->handle_timeout(world.now); });
  }

  // Things that end at one event may end in another order: alarms ring early where a refresh moved an end.
  template <class Cause>
  void event(Cause cause) {
    cause(first_);
    Lines lines = first_.take();
    if (!heir_) return;
    cause(*heir_);
    Lines heirs = heir_->take();
    std::ranges::sort(lines);
    std::ranges::sort(heirs);
    EXPECT_EQ(heirs, lines);
    compare();
  }

  static std::vector<SessionSnapshot> sorted_sessions(const World& world) {
    auto sessions = world.server->sessions(world.now);
    std::ranges::sort(sessions, {}, &SessionSnapshot::id);
    return sessions;
  }
  void compare() {
    EXPECT_EQ(sorted_sessions(*heir_), sorted_sessions(first_));
    EXPECT_EQ(heir_->records.load(), first_.records.load());
    EXPECT_EQ(heir_->server->counters(), first_.server->counters());
    EXPECT_EQ(heir_->server->allocation_count(), first_.server->allocation_count());
    EXPECT_EQ(heir_->server->permission_count(), first_.server->permission_count());
    EXPECT_EQ(heir_->server->channel_count(), first_.server->channel_count());
    EXPECT_EQ(heir_->quota.held, first_.quota.held);
    for (uint16_t port = 50000; port < 50100; ++port)
      EXPECT_EQ(heir_->ports->owned({ip_, port}), first_.ports->owned({ip_, port}));
  }

  std::mt19937 engine_;
  const IpAddress ip_ = ip("192.0.2.1");
  World first_;
  std::optional<World> heir_;
  std::vector<Client> clients_;
};

TEST(TurnRestore, MakesTheEqualOfWhatDied) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    Twins twins(seed);
    for (int i = 0; i < 400; ++i)
      twins.step();
    twins.restart();
    for (int i = 0; i < 200; ++i)
      twins.step();
    twins.finish();
    if (testing::Test::HasFailure()) FAIL() << "with seed " << seed;
  }
}

}  // namespace
}  // namespace turnpike::turn::test
