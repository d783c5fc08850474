// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

const IpAddress kAddress = ip("192.0.2.1");

TEST(RelayPorts, OwnsOnlyWhatWasClaimed) {
  RelayPorts ports({kAddress, ip("2001:db8::1")}, {50000, 50099});
  EXPECT_FALSE(ports.owned({kAddress, 50000}));
  EXPECT_TRUE(ports.claim({kAddress, 50000}));
  EXPECT_FALSE(ports.claim({kAddress, 50000}));
  EXPECT_TRUE(ports.owned({kAddress, 50000}));
  EXPECT_FALSE(ports.owned({ip("2001:db8::1"), 50000}));
  ports.release({kAddress, 50000});
  EXPECT_FALSE(ports.owned({kAddress, 50000}));
}

TEST(RelayPorts, RefusesPortsAndAddressesThatAreNotItsOwn) {
  RelayPorts ports({kAddress}, {50000, 50099});
  for (const Endpoint& foreign :
       {Endpoint{kAddress, 49999}, Endpoint{kAddress, 50100}, Endpoint{kAddress, 0}, at("192.0.2.2:50000")}) {
    EXPECT_FALSE(ports.claim(foreign));
    EXPECT_FALSE(ports.owned(foreign));
    ports.release(foreign);
  }
  EXPECT_TRUE(ports.is_relay_address(kAddress));
  EXPECT_FALSE(ports.is_relay_address(ip("192.0.2.2")));
}

TEST(RelayPorts, ReachesTheLastPort) {
  RelayPorts ports({kAddress}, {65535, 65535});
  CountingRandom random;
  PortAllocator allocator(ports, 0, 1, random);
  EXPECT_EQ(allocator.claim(kAddress), 65535);
  EXPECT_EQ(allocator.claim(kAddress), std::nullopt);
}

TEST(PortAllocator, SlicesOfWorkersAreDisjointAndTogetherEverything) {
  constexpr unsigned kWorkers = 3;
  RelayPorts ports({kAddress}, {50001, 50100});
  CountingRandom random;
  std::map<uint16_t, unsigned> owner;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    PortAllocator allocator(ports, worker, kWorkers, random);
    while (const auto port = allocator.claim(kAddress))
      EXPECT_TRUE(owner.emplace(*port, worker).second);
  }
  EXPECT_EQ(owner.size(), 100u);
  for (uint16_t even = 50002; even < 50100; even += 2)
    EXPECT_EQ(owner.at(even), owner.at(static_cast<uint16_t>(even + 1)));
}

TEST(PortAllocator, AWorkerWithoutASliceHasNoPort) {
  RelayPorts ports({kAddress}, {50000, 50001});
  CountingRandom random;
  unsigned served = 0;
  for (unsigned worker = 0; worker < 4; ++worker)
    if (PortAllocator(ports, worker, 4, random).claim(kAddress)) ++served;
  EXPECT_EQ(served, 1u);
}

TEST(PortAllocator, SpreadsOverItsSlice) {
  RelayPorts ports({kAddress}, {49152, 65535});
  SystemRandom random;
  PortAllocator allocator(ports, 0, 1, random);
  std::set<uint16_t> seen;
  for (int i = 0; i < 64; ++i) {
    const auto port = allocator.claim(kAddress);
    ASSERT_TRUE(port);
    seen.insert(*port);
  }
  EXPECT_GT(*seen.rbegin() - *seen.begin(), 8000);
}

TEST(PortAllocator, AClaimedOddPortBlocksThePairAlone) {
  RelayPorts ports({kAddress}, {50000, 50001});
  CountingRandom random;
  PortAllocator allocator(ports, 0, 1, random);
  ASSERT_TRUE(ports.claim({kAddress, 50001}));
  EXPECT_EQ(allocator.claim(kAddress, PortShape::kPair), std::nullopt);
  EXPECT_FALSE(ports.owned({kAddress, 50000}));
  EXPECT_EQ(allocator.claim(kAddress, PortShape::kEven), 50000);
}

TEST(PortAllocator, FindsEveryPairWhereverTheRangeBegins) {
  for (const PortRange range : {PortRange{50000, 50399}, PortRange{50001, 50400}, PortRange{1, 401}}) {
    RelayPorts ports({kAddress}, range);
    SystemRandom random;
    PortAllocator allocator(ports, 0, 1, random);
    std::set<uint16_t> evens;
    while (const auto even = allocator.claim(kAddress, PortShape::kPair)) {
      EXPECT_TRUE(ports.owned({kAddress, *even}));
      EXPECT_TRUE(ports.owned({kAddress, static_cast<uint16_t>(*even + 1)}));
      EXPECT_TRUE(evens.insert(*even).second && *even % 2 == 0);
    }
    EXPECT_EQ(evens.size(), range.first % 2 == 0 ? 200u : range.first == 1 ? 200u : 199u);
    size_t singles = 0;
    while (allocator.claim(kAddress))
      ++singles;
    EXPECT_EQ(2 * evens.size() + singles, size_t{range.last} - range.first + 1u);
  }
}

TEST(PortAllocator, AFullSliceIsRefusedAtOnce) {
  RelayPorts ports({kAddress}, {49152, 65535});
  SystemRandom random;
  PortAllocator allocator(ports, 0, 1, random);
  while (allocator.claim(kAddress))
    continue;
  const MonotonicTime start = read_clocks().monotonic;
  for (int i = 0; i < 10000; ++i)
    ASSERT_EQ(allocator.claim(kAddress), std::nullopt);
  EXPECT_LT(read_clocks().monotonic - start, std::chrono::seconds(1));  // port by port it takes four
}

TEST(PortAllocator, WorkersClaimAtTheSameTimeWithoutSharingAPort) {
  constexpr unsigned kWorkers = 4;
  RelayPorts ports({kAddress}, {50000, 50999});
  std::vector<size_t> claimed(kWorkers);
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker)
    threads.emplace_back([&, worker] {
      SystemRandom random;
      PortAllocator allocator(ports, worker, kWorkers, random);
      while (allocator.claim(kAddress))
        ++claimed[worker];
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(std::accumulate(claimed.begin(), claimed.end(), size_t{0}), 1000u);
}

TEST(TurnServer, TenThousandAllocationsLeaveNoPortBehind) {
  World world({}, {50000, 50031});
  for (int i = 0; i < 10000; ++i) {
    Client client(world, static_cast<uint16_t>(1 + i % 50000));
    const Endpoint relayed = client.allocated();
    ASSERT_TRUE(world.ports->owned(relayed));
    ASSERT_EQ(client.refresh(0).size(), 4u);
    ASSERT_FALSE(world.ports->owned(relayed));
  }
  EXPECT_EQ(world.quota.total, 0);
  EXPECT_EQ(world.server->next_timeout(), std::nullopt);
}

}  // namespace
}  // namespace turnpike::turn::test
