// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;

Fill family(uint8_t number) {
  return attribute(AttributeType::kRequestedAddressFamily, {number, 0, 0, 0});
}
Fill lifetime(uint32_t seconds) {
  return [=](stun::MessageBuilder& b) { b.add_u32(AttributeType::kLifetime, seconds); };
}

Options ipv6_only() {
  Options options;
  options.relay_addresses = {{ip("2001:db8::1"), ip("2001:db8::1")}};
  return options;
}

Lines refused(const std::string& code, const std::string& reason) {
  return {"event refused " + code + " " + reason, "answer 198.51.100.7:1 allocate " + code + " signed=alice"};
}

TEST(TurnAllocate, GrantsARelayedAddress) {
  World world;
  Client client(world, 1);
  const Lines lines = client.allocate();
  ASSERT_EQ(lines.size(), 4u);
  const std::string relayed = lines[0].substr(4);
  EXPECT_TRUE(world.ports->owned(at(relayed)));
  EXPECT_EQ(lines, (Lines{"own " + relayed, "set #1 t+600", "event allocated #1 alice",
                          "answer 198.51.100.7:1 allocate 200 relayed=" + relayed +
                              " lifetime=600 mapped=198.51.100.7:1 signed=alice"}));
  EXPECT_EQ(world.quota.held["alice"], 1);
  EXPECT_EQ(world.server->allocation_count(), 1u);
}

TEST(TurnAllocate, GrantsTheFamilyThatIsAskedFor) {
  World world;
  EXPECT_EQ(Client(world, 1).allocated(family(1)).address, ip("192.0.2.1"));
  EXPECT_EQ(Client(world, 2).allocated(family(2)).address, ip("2001:db8::1"));
  EXPECT_EQ(Client(world, 3).allocated().address, ip("192.0.2.1"));
}

TEST(TurnAllocate, ClampsTheLifetime) {
  const std::vector<std::pair<uint32_t, std::string>> rows = {
      {0, "600"},     {599, "600"},   {600, "600"},        {601, "601"},
      {3600, "3600"}, {3601, "3600"}, {UINT32_MAX, "3600"}};
  for (const auto& [asked, granted] : rows) {
    World world;
    const Lines lines = Client(world, 1).allocate(lifetime(asked));
    EXPECT_EQ(lines[1], "set #1 t+" + granted);
    EXPECT_NE(lines.back().find(" lifetime=" + granted + " "), std::string::npos);
  }
}

TEST(TurnAllocate, RefusesWhatBreaksTheRules) {
  const auto even = attribute(AttributeType::kEvenPort, {0x80});
  const auto token = attribute(AttributeType::kReservationToken, {1, 2, 3, 4, 5, 6, 7, 8});
  const auto additional = attribute(AttributeType::kAdditionalAddressFamily, {2, 0, 0, 0});
  const std::string with_token = "RESERVATION-TOKEN with EVEN-PORT or an address family";
  struct Row {
    Fill fill;
    std::string code;
    std::string reason;
  };
  const std::vector<Row> rows = {
      {family(3), "440", "unknown address family"},
      {attribute(AttributeType::kRequestedAddressFamily, {1}), "400", "malformed REQUESTED-ADDRESS-FAMILY"},
      {attribute(AttributeType::kLifetime, {1}), "400", "malformed LIFETIME"},
      {attribute(AttributeType::kEvenPort, {}), "400", "malformed EVEN-PORT"},
      {attribute(AttributeType::kReservationToken, {1}), "400", "malformed RESERVATION-TOKEN"},
      {both(token, even), "400", with_token},
      {both(token, family(1)), "400", with_token},
      {both(token, additional), "400", with_token},
      {token, "508", "unknown reservation token"},
      {attribute(AttributeType::kAdditionalAddressFamily, {1, 0, 0, 0}), "400",
       "ADDITIONAL-ADDRESS-FAMILY other than IPv6"},
      {both(additional, family(1)), "400", "REQUESTED-ADDRESS-FAMILY with ADDITIONAL-ADDRESS-FAMILY"},
      {both(additional, even), "400", "EVEN-PORT's reservation with ADDITIONAL-ADDRESS-FAMILY"},
  };
  for (const Row& row : rows) {
    World world;
    EXPECT_EQ(Client(world, 1).allocate(row.fill), refused(row.code, row.reason));
    EXPECT_EQ(world.quota.total, 0);
    EXPECT_EQ(world.server->allocation_count(), 0u);
  }
}

TEST(TurnAllocate, RefusesTransportsOtherThanUdp) {
  World world;
  Client client(world, 1);
  const auto allocate = [&](const Fill& fill) {
    return client.send(client.request(stun::Method::kAllocate, fill));
  };
  EXPECT_EQ(allocate({}), refused("400", "REQUESTED-TRANSPORT missing or malformed"));
  EXPECT_EQ(allocate(attribute(AttributeType::kRequestedTransport, {17})),
            refused("400", "REQUESTED-TRANSPORT missing or malformed"));
  EXPECT_EQ(allocate(requested_transport(6)), refused("442", "relayed transport other than UDP"));
}

TEST(TurnAllocate, RefusesAFamilyThatTheRelayLacks) {
  World world(ipv6_only());
  EXPECT_EQ(Client(world, 1).allocate(), refused("440", "no relay address of the family"));
  EXPECT_EQ(Client(world, 1).allocated(family(2)).address, ip("2001:db8::1"));
}

TEST(TurnAllocate, SaysThatTheAdditionalFamilyIsNotGranted) {
  World world;
  const Lines lines =
      Client(world, 1).allocate(attribute(AttributeType::kAdditionalAddressFamily, {2, 0, 0, 0}));
  EXPECT_NE(lines.back().find("address_error=02000428"), std::string::npos) << lines.back();
}

TEST(TurnAllocate, RefusesBeyondTheQuotas) {
  World world;
  world.quota.user_limit = 1;
  world.quota.relay_limit = 2;
  Client(world, 10).allocated();
  EXPECT_EQ(Client(world, 1).allocate(), refused("486", "the user's quota is reached"));
  Client(world, 11, "bob").allocated();
  EXPECT_EQ(Client(world, 12, "rotating").allocate()[0],
            "event refused 508 the relay's limit of allocations is reached");
  EXPECT_EQ(world.quota.total, 2);
}

TEST(TurnAllocate, RefusesWhenNoPortIsFreeAndGivesTheQuotaBack) {
  World world({}, {50000, 50003});
  std::set<Endpoint> relayed;
  for (uint16_t port = 10; port < 14; ++port)
    relayed.insert(Client(world, port).allocated());
  EXPECT_EQ(relayed.size(), 4u);
  EXPECT_EQ(Client(world, 1).allocate(), refused("508", "no free relay port"));
  EXPECT_EQ(world.quota.total, 4);
  Client(world, 10).refresh(0);
  EXPECT_TRUE(relayed.contains(Client(world, 1).allocated()));
}

TEST(TurnAllocate, TakesAnotherRelayAddressWhenOneIsFull) {
  Options options;
  options.relay_addresses = {{ip("192.0.2.1"), ip("192.0.2.1")}, {ip("192.0.2.2"), ip("192.0.2.2")}};
  World world(options, {50000, 50000});
  std::set<IpAddress> addresses;
  for (uint16_t port : {10, 11})
    addresses.insert(Client(world, port).allocated().address);
  EXPECT_EQ(addresses, (std::set{ip("192.0.2.1"), ip("192.0.2.2")}));
}

TEST(TurnAllocate, ARetransmissionHasTheSameAnswer) {
  World world;
  Client client(world, 1);
  const Datagram request = client.allocate_request(attribute(AttributeType::kEvenPort, {0x80}));
  const std::string answer = client.send(request).back();
  world.advance(Seconds(2));
  EXPECT_EQ(client.send(request), Lines{answer});
  EXPECT_EQ(world.quota.total, 2);  // the allocation and its reservation
}

TEST(TurnAllocate, AnotherTransactionOnTheSameFiveTupleIsAMismatch) {
  World world;
  Client client(world, 1);
  client.allocated();
  EXPECT_EQ(client.allocate(), refused("437", "the 5-tuple has an allocation"));
  EXPECT_EQ(world.server->allocation_count(), 1u);
}

TEST(TurnAllocate, DontFragmentIsSupported) {
  World world;
  EXPECT_EQ(Client(world, 1).allocate(attribute(AttributeType::kDontFragment, {})).size(), 4u);
}

TEST(TurnReservation, EvenPortAloneLeaksNoPort) {
  World world({}, {50000, 50003});
  for (uint16_t port : {1, 2})
    EXPECT_EQ(Client(world, port).allocated(attribute(AttributeType::kEvenPort, {0})).port % 2, 0);
  EXPECT_EQ(Client(world, 3).allocate(attribute(AttributeType::kEvenPort, {0}))[0],
            "event refused 508 no free relay port");
  for (uint16_t port : {4, 5})
    EXPECT_EQ(Client(world, port).allocated().port % 2, 1);
}

struct Reserved {
  explicit Reserved(World& world)
      : lines(Client(world, 1).allocate(attribute(AttributeType::kEvenPort, {0x80}))) {
    const std::string& answer = lines.back();
    const std::string hex = answer.substr(answer.find("token=") + 6, 16);
    for (size_t i = 0; i < 16; i += 2)
      token.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    relayed = at(lines[0].substr(4));
    next = {relayed.address, static_cast<uint16_t>(relayed.port + 1)};
  }
  Lines lines;
  Datagram token;
  Endpoint relayed, next;
};

TEST(TurnReservation, HoldsThePortForTheSameUser) {
  World world;
  const Reserved reserved(world);
  EXPECT_EQ(reserved.relayed.port % 2, 0);
  EXPECT_EQ(reserved.lines[1], "own " + reserved.next.to_string());
  EXPECT_EQ(world.quota.held["alice"], 2);
  const Fill redeem = attribute(AttributeType::kReservationToken, reserved.token);
  EXPECT_EQ(Client(world, 3, "bob").allocate(redeem)[0], "event refused 508 unknown reservation token");
  EXPECT_EQ(Client(world, 2).allocate(redeem),
            (Lines{"own " + reserved.next.to_string(), "set #2 t+600", "event allocated #2 alice",
                   "answer 198.51.100.7:2 allocate 200 relayed=" + reserved.next.to_string() +
                       " lifetime=600 mapped=198.51.100.7:2 signed=alice"}));
  EXPECT_EQ(world.quota.held["alice"], 2);
  EXPECT_EQ(Client(world, 4).allocate(redeem)[0], "event refused 508 unknown reservation token");
}

TEST(TurnReservation, EndsAfterThirtySeconds) {
  World world;
  const Reserved reserved(world);
  EXPECT_EQ(world.server->next_timeout(), world.began + Seconds(30));
  world.advance(Seconds(30) - Nanoseconds(1));
  EXPECT_EQ(world.timeout(), Lines{});
  world.advance(Nanoseconds(1));
  EXPECT_EQ(world.timeout(), Lines{"release " + reserved.next.to_string()});
  EXPECT_FALSE(world.ports->owned(reserved.next));
  EXPECT_EQ(world.quota.held["alice"], 1);
  EXPECT_EQ(Client(world, 2).allocate(attribute(AttributeType::kReservationToken, reserved.token))[0],
            "event refused 508 unknown reservation token");
}

Options worker(unsigned number) {
  Options options;
  options.worker = number;
  options.workers = 2;
  return options;
}

TEST(TurnReservation, IsRedeemedAtAnyWorker) {
  World first(worker(0));
  World second(worker(1), first);
  const Reserved reserved(first);
  const std::string next = reserved.next.to_string();
  const Fill redeem = attribute(AttributeType::kReservationToken, reserved.token);
  EXPECT_EQ(Client(second, 3, "bob").allocate(redeem)[0], "event refused 508 unknown reservation token");
  Client client(second, 2);
  EXPECT_EQ(client.allocate(redeem), (Lines{"own " + next, "set #1 t+600", "event allocated #1 alice",
                                            "answer 198.51.100.7:2 allocate 200 relayed=" + next +
                                                " lifetime=600 mapped=198.51.100.7:2 signed=alice"}));
  EXPECT_EQ(Client(first, 4).allocate(redeem)[0], "event refused 508 unknown reservation token");

  first.advance(Seconds(30));
  EXPECT_EQ(first.timeout(), Lines{});  // it is the other worker's
  EXPECT_TRUE(first.ports->owned(reserved.next));
  EXPECT_EQ(first.quota.held["alice"], 2);
  EXPECT_EQ(client.refresh(0)[1], "release " + next);
  EXPECT_FALSE(first.ports->owned(reserved.next));
  EXPECT_EQ(first.quota.held["alice"], 1);
}

TEST(TurnReservation, IsNotRedeemedAfterItsTimeByAWorkerThatIsAhead) {
  World first(worker(0));
  World second(worker(1), first);
  const Reserved reserved(first);
  second.advance(Seconds(30));
  EXPECT_EQ(Client(second, 2).allocate(attribute(AttributeType::kReservationToken, reserved.token))[0],
            "event refused 508 unknown reservation token");
  first.advance(Seconds(30));
  EXPECT_EQ(first.timeout(), Lines{"release " + reserved.next.to_string()});
  EXPECT_EQ(first.quota.held["alice"], 1);
}

// Both workers' random numbers are the same here.
TEST(TurnReservation, NoTwoHaveTheSameToken) {
  World first(worker(0));
  World second(worker(1), first);
  const Reserved one(first);
  const Reserved other(second);
  EXPECT_NE(one.token, other.token);
}

// Otherwise its next owner, perhaps another worker, would steer it to itself before we end the steering.
TEST(TurnReservation, ItsPortStaysTakenUntilTheCommandIsCarriedOut) {
  World first(worker(0));
  World second(worker(1), first);
  const Reserved reserved(first);
  Client client(second, 2);
  client.allocate(attribute(AttributeType::kReservationToken, reserved.token));
  const Datagram request = client.request(stun::Method::kRefresh, lifetime(0));
  second.server->handle_client(request, client.five_tuple, {}, second.now);
  EXPECT_TRUE(second.ports->owned(reserved.next));
  second.take();
  EXPECT_FALSE(second.ports->owned(reserved.next));
}

TEST(TurnReservation, RefusesWhenNoPairIsFreeOrAllowed) {
  World world({}, {50001, 50002});
  const Fill pair = attribute(AttributeType::kEvenPort, {0x80});
  EXPECT_EQ(Client(world, 1).allocate(pair), refused("508", "no free relay port"));
  EXPECT_FALSE(world.ports->owned({ip("192.0.2.1"), 50002}));
  world.quota.user_limit = 1;
  EXPECT_EQ(Client(world, 1).allocate(pair), refused("486", "the user's quota is reached"));
  EXPECT_EQ(world.quota.total, 0);
}

}  // namespace
}  // namespace turnpike::turn::test
