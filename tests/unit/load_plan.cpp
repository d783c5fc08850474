// SPDX-License-Identifier: Apache-2.0
//
// Which clients, peers, sizes and moments a measurement consists of.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "turnpike-load/bindings.h"
#include "turnpike-load/clients.h"
#include "turnpike-load/message.h"
#include "turnpike-load/pacing.h"
#include "turnpike-load/profile.h"

namespace turnpike::load {
namespace {

RelayOptions options_of(Direction direction, unsigned flows, unsigned bindings) {
  RelayOptions options;
  options.direction = direction;
  options.flows = flows;
  options.bindings = bindings;
  options.peer.port = 3480;
  return options;
}

TEST(BindingsTest, AreSpreadOverFlowsWithAChannelOfTheirOwnEach) {
  const auto bindings = plan_bindings(options_of(Direction::kToPeer, 1000, 250'000));
  ASSERT_EQ(bindings.size(), 250'000u);
  std::set<std::pair<unsigned, uint16_t>> seen;
  for (const Binding& binding : bindings) {
    EXPECT_LT(binding.client, 1000u);
    EXPECT_LT(binding.number, 250);
    seen.emplace(binding.client, binding.number);
  }
  EXPECT_EQ(seen.size(), bindings.size());
}

TEST(BindingsTest, OfAHairpinJoinEachPairOnce) {
  const RelayOptions options = options_of(Direction::kHairpin, 6, 36);
  EXPECT_EQ(clients_needed(options), 12u);
  std::set<std::pair<unsigned, unsigned>> pairs;
  std::set<std::pair<unsigned, uint16_t>> channels_of_partner;
  for (const Binding& binding : plan_bindings(options)) {
    EXPECT_LT(binding.client, 6u);
    EXPECT_GE(binding.partner, 6u);
    EXPECT_LT(binding.partner, 12u);
    pairs.emplace(binding.client, binding.partner);
    channels_of_partner.emplace(binding.partner, binding.number);
  }
  EXPECT_EQ(pairs.size(), 36u);
  EXPECT_EQ(channels_of_partner.size(), 36u);
}

TEST(BindingsTest, ThatAreActiveAreEvenlySpread) {
  const auto all = plan_bindings(options_of(Direction::kToPeer, 1, 100));
  std::vector<uint16_t> numbers;
  for (const Binding& binding : active_bindings(all, 4))
    numbers.push_back(binding.number);
  EXPECT_EQ(numbers, (std::vector<uint16_t>{0, 25, 50, 75}));
  EXPECT_EQ(active_bindings(all, 100).size(), 100u);
}

TEST(ClientEndpointsTest, AreDistinctAndOfTheirLane) {
  for (const unsigned lanes : {1u, 3u, 64u}) {
    const ClientEndpoints endpoints({IpAddress::v4(198, 18, 1, 2), IpAddress::v4(198, 18, 1, 3)}, lanes,
                                    54'321);
    std::set<Endpoint> seen;
    for (unsigned lane = 0; lane < lanes; ++lane)
      for (size_t n = 0; n < endpoints.capacity(); ++n) {
        const Endpoint endpoint = endpoints.at(lane, n);
        ASSERT_EQ(endpoint.port % lanes, lane);
        ASSERT_GE(endpoint.port, ClientEndpoints::kFirstPort);
        seen.insert(endpoint);
      }
    EXPECT_EQ(seen.size(), lanes * endpoints.capacity());
    EXPECT_GT(seen.size(), 109'000u);
    EXPECT_EQ(endpoints.at(0, endpoints.capacity()), endpoints.at(0, 0));
  }
}

TEST(ProfileTest, FixedHasOneSize) {
  const SizeMix mix = size_mix(Profile::kFixed, 333);
  EXPECT_EQ(mix.largest(), 333);
  EXPECT_EQ(mix.mean(), 333);
}

TEST(ProfileTest, MixedHasTheSharesThatItSays) {
  const SizeMix mix = size_mix(Profile::kMixed, 333);
  std::map<uint16_t, int> counts;
  for (const uint8_t index : mix.pattern)
    ++counts[mix.sizes.at(index)];
  EXPECT_EQ(counts, (std::map<uint16_t, int>{{160, 2}, {1100, 3}, {1200, 3}}));
  EXPECT_EQ(mix.mean(), 902.5);
  EXPECT_EQ(mix.largest(), 1200);
  for (const uint16_t size : mix.sizes)
    EXPECT_EQ(size % 4, 0) << "a relay's padding would be written into the next frame's payload";
}

TEST(PacingTest, KeepsTheRate) {
  using std::chrono::microseconds;
  const Pacing::Clock::time_point start{};
  Pacing pacing(100'000, start);
  uint64_t sent = 0;
  for (int i = 1; i <= 10'000; ++i)
    sent += pacing.take_due(start + microseconds(100 * i));
  EXPECT_NEAR(static_cast<double>(sent), 100'000, 1);
  EXPECT_EQ(pacing.take_due(start + microseconds(1'000'000)), 0u);
}

TEST(PacingTest, MakesUpForNoMoreThanTwoMilliseconds) {
  const Pacing::Clock::time_point start{};
  Pacing pacing(100'000, start);
  EXPECT_LE(pacing.take_due(start + std::chrono::seconds(1)), 201u);
  EXPECT_EQ(pacing.take_due(start + std::chrono::seconds(1) + std::chrono::microseconds(50)), 5u);
}

TEST(MessageTest, GivesBackWhatAPeerOrAClientReceives) {
  const std::vector<uint8_t> data{'p', 'r', 'o', 'b', 'e', 1, 2, 3, 4};
  EXPECT_EQ(application_data(data).size(), data.size());
  const std::vector<uint8_t> channel = channel_data(0x4123, data);
  const Bytes of_channel = application_data(channel);
  EXPECT_EQ(std::vector<uint8_t>(of_channel.begin(), of_channel.end()), data);
  const std::vector<uint8_t> indication = send_indication({IpAddress::v4(198, 18, 2, 2), 5}, data);
  const Bytes of_indication = application_data(indication);
  EXPECT_EQ(std::vector<uint8_t>(of_indication.begin(), of_indication.end()), data);
}

}  // namespace
}  // namespace turnpike::load
