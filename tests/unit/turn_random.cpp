// SPDX-License-Identifier: Apache-2.0
//
// A long random run against a model that is kept from the requests alone. After each event: nothing passes
// without a permission, and ports, quota and fast-path entries balance.
#include <gtest/gtest.h>

#include <random>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;
using stun::Method;

constexpr size_t kClients = 12;
constexpr unsigned kSteps = 50000;

class RandomRun {
 public:
  RandomRun() {
    world_.quota.user_limit = 8;
    for (size_t i = 0; i < kClients; ++i)
      clients_.emplace_back(world_, static_cast<uint16_t>(1000 + i), i % 3 == 0 ? "bob" : "alice");
    world_.peers.forbidden_addresses = {ip("203.0.113.5")};
  }

  void step() {
    Client& client = clients_[pick(kClients)];
    switch (pick(12)) {
      case 0:
        return event(client, client.allocate_request(allocate_attributes()));
      case 1:
        return event(client, client.request(Method::kRefresh, lifetime()));
      case 2:
      case 3:
        return grant(client, Method::kCreatePermission, false);
      case 4:
      case 5:
        return grant(client, Method::kChannelBind, true);
      case 6:
        return event(client, send_indication(client));
      case 7:
        return event(client, {0x40, static_cast<uint8_t>(pick(6)), 0, 1, 'x'});
      case 8:
        return peer_datagram();
      case 9:
        return hostile(client);
      default:
        world_.advance(std::chrono::milliseconds(pick(20000)));
        if (pick(2) == 0) world_.server->handle_timeout(world_.now);
        return drain();
    }
  }

  void finish() {
    world_.advance(Seconds(10000));
    world_.server->handle_timeout(world_.now);
    drain();
    EXPECT_TRUE(owned_.empty());
    EXPECT_TRUE(bindings_.empty());
    EXPECT_EQ(world_.server->next_timeout(), std::nullopt);
    EXPECT_EQ(world_.server->permission_count(), 0u);
    EXPECT_EQ(world_.server->channel_count(), 0u);
    EXPECT_GT(to_peer_, 100u);
    EXPECT_GT(to_client_, 100u);
    EXPECT_GT(unbound_, 10u);
    EXPECT_GT(redeemed_, 0u);
  }

 private:
  uint32_t pick(uint32_t bound) { return std::uniform_int_distribution<uint32_t>(0, bound - 1)(engine_); }
  Endpoint random_peer() {
    const auto last = static_cast<uint8_t>(pick(6));
    return {IpAddress::v4(203, 0, 113, last), static_cast<uint16_t>(1 + pick(2))};
  }

  Fill allocate_attributes() {
    if (pick(3) == 0) return attribute(AttributeType::kEvenPort, {0x80});
    if (pick(3) == 0 && !tokens_.empty())
      return attribute(AttributeType::kReservationToken,
                       tokens_[pick(static_cast<uint32_t>(tokens_.size()))]);
    return {};
  }
  Fill lifetime() {
    const uint32_t asked = pick(4) == 0 ? 0 : pick(1500);
    return [=](stun::MessageBuilder& b) { b.add_u32(AttributeType::kLifetime, asked); };
  }
  Datagram send_indication(const Client& client) {
    const Endpoint peer = random_peer();
    return client.indication([&](stun::MessageBuilder& b) {
      b.add_xor_address(AttributeType::kXorPeerAddress, peer).add_text(AttributeType::kData, "x");
    });
  }

  void grant(Client& client, Method method, bool channel) {
    const Endpoint peer = random_peer();
    const auto number = static_cast<uint16_t>(0x4000 + pick(6));
    const Datagram request = client.request(method, [&](stun::MessageBuilder& b) {
      if (channel) b.add_channel_number(number);
      b.add_xor_address(AttributeType::kXorPeerAddress, peer);
    });
    granting_ = peer.address;
    event(client, request);
    granting_.reset();
  }

  void peer_datagram() {
    if (owned_.empty()) return;
    const Endpoint relayed = *std::next(owned_.begin(), pick(static_cast<uint32_t>(owned_.size())));
    world_.server->handle_peer(bytes_of("x"), random_peer(), relayed, {}, world_.now);
    drain();
  }

  void hostile(Client& client) {
    Datagram datagram = client.request(Method::kRefresh, lifetime());
    for (unsigned i = 0; i < 3; ++i)
      datagram[pick(static_cast<uint32_t>(datagram.size()))] = static_cast<uint8_t>(pick(256));
    if (pick(2) == 0) datagram.resize(pick(static_cast<uint32_t>(datagram.size())));
    event(client, datagram);
  }

  void event(Client& client, const Datagram& datagram) {
    world_.server->handle_client(datagram, client.five_tuple, {}, world_.now);
    drain();
  }

  void drain() {
    const CommandQueue& queue = world_.server->commands();
    for (const Command& command : queue.commands())
      std::visit([&](const auto& one) { check(one); }, command);
    world_.server->commands().clear();
    check_balance();
  }

  // Again when a reservation, of an odd port, is redeemed.
  void check(const OwnPort& c) { EXPECT_TRUE(owned_.insert(c.relayed).second || c.relayed.port % 2 != 0); }
  void check(const ReleasePort& c) {
    EXPECT_EQ(owned_.erase(c.relayed), 1u);
    world_.ports->release(c.relayed);
    std::erase_if(permissions_, [&](const auto& permission) { return permission.first.first == c.relayed; });
  }
  void check(const SetAllocation& c) {
    EXPECT_GT(c.session.expires, world_.now.monotonic);
    bindings_[c.session.id];
  }
  void check(const RemoveAllocation& c) { EXPECT_EQ(bindings_.erase(c.id), 1u); }
  void check(const SetPermission& c) { EXPECT_GT(c.permission.expires, world_.now.monotonic); }
  void check(const RemovePermission& c) { EXPECT_TRUE(bindings_.contains(c.allocation)); }
  void check(const InstallBinding& c) {
    ASSERT_TRUE(bindings_.contains(c.binding.allocation));
    EXPECT_GT(c.binding.channel_expires, world_.now.monotonic);
    EXPECT_GT(c.binding.permission_expires, world_.now.monotonic);
    auto& channels = bindings_[c.binding.allocation];
    const auto [entry, added] = channels.emplace(c.binding.channel, c.binding.peer);
    EXPECT_EQ(entry->second, c.binding.peer);
  }
  void check(const RestChannel& c) {
    EXPECT_EQ(bindings_.at(c.allocation).erase(c.channel.number), 1u);
    ++unbound_;
  }
  void check(const RemoveChannel& c) { bindings_.at(c.allocation).erase(c.channel); }
  void check(const SaveCounters&) { ADD_FAILURE() << "nobody asked"; }
  void check(const SendTooBig&) { ADD_FAILURE() << "there was no ICMP error"; }
  void check(const SendToPeer& c) {
    ++to_peer_;
    EXPECT_TRUE(permitted(c.relayed, c.peer.address));
  }
  void check(const Event& c) {
    if (c.kind == Event::Kind::kAllocated) ++allocated_;
    if (c.kind == Event::Kind::kExpired || c.kind == Event::Kind::kDeleted) --allocated_;
  }
  void check(const SendToClient& c) {
    const Bytes bytes = world_.server->commands().bytes(c.data);
    if (c.relayed) {
      ++to_client_;
      return;
    }
    const auto answer = stun::MessageView::parse(bytes);
    ASSERT_TRUE(answer);
    if (answer->message_class() != stun::Class::kSuccess) return;
    if (const auto token = answer->find(AttributeType::kReservationToken))
      tokens_.emplace_back(token->value.begin(), token->value.end());
    if (answer->method() == Method::kAllocate) note_allocation(c.five_tuple, *answer);
    if (granting_)
      permissions_[{relayed_.at(c.five_tuple), *granting_}] =
          std::chrono::ceil<Seconds>(world_.now.monotonic + Seconds(300));
  }
  void note_allocation(const FiveTuple& five_tuple, const stun::MessageView& answer) {
    const auto value = answer.find(AttributeType::kXorRelayedAddress)->value;
    const Endpoint relayed = *stun::read_xor_address(value, answer.transaction_id());
    if (relayed.port % 2 != 0) ++redeemed_;
    relayed_[five_tuple] = relayed;
  }

  bool permitted(const Endpoint& relayed, const IpAddress& peer) const {
    const auto found = permissions_.find({relayed, peer});
    return found != permissions_.end() && found->second > world_.now.monotonic;
  }

  void check_balance() const {
    ASSERT_EQ(world_.quota.total, static_cast<int>(owned_.size()));  // allocations and reservations
    ASSERT_EQ(world_.server->allocation_count(), allocated_);
    ASSERT_EQ(bindings_.size(), allocated_);
    size_t channels = 0;
    for (const auto& [id, bound] : bindings_)
      channels += bound.size();
    ASSERT_EQ(world_.server->channel_count(), channels);
    for (uint16_t port = 50000; port < 50100; ++port) {
      const Endpoint relayed{ip_, port};
      ASSERT_EQ(world_.ports->owned(relayed), owned_.contains(relayed));
    }
  }

  World world_;
  const IpAddress ip_ = ip("192.0.2.1");
  std::vector<Client> clients_;
  std::mt19937 engine_{20240229};

  std::set<Endpoint> owned_;
  std::map<AllocationId, std::map<ChannelNumber, Endpoint>> bindings_;
  std::map<std::pair<Endpoint, IpAddress>, MonotonicTime> permissions_;
  std::map<FiveTuple, Endpoint> relayed_;
  std::vector<Datagram> tokens_;
  std::optional<IpAddress> granting_;
  size_t allocated_ = 0, to_peer_ = 0, to_client_ = 0, unbound_ = 0, redeemed_ = 0;
};

TEST(TurnServer, KeepsItsInvariantsThroughARandomRun) {
  RandomRun run;
  for (unsigned i = 0; i < kSteps; ++i) {
    run.step();
    if (testing::Test::HasFailure()) FAIL() << "at step " << i;
  }
  run.finish();
}

}  // namespace
}  // namespace turnpike::turn::test
