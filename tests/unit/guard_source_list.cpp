// SPDX-License-Identifier: Apache-2.0
#include "guard/source_list.h"

#include <gtest/gtest.h>

#include <thread>

namespace turnpike::guard {
namespace {

using std::chrono::milliseconds;

constexpr MonotonicTime kNow{std::chrono::hours(1)};
constexpr MonotonicTime kNever = MonotonicTime::max();

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}
Prefix prefix(std::string_view text) {
  return Prefix::parse(text).value();
}

TEST(SourceList, BlocksNobodyAtFirst) {
  const SourceList list({});
  EXPECT_FALSE(list.blocked(ip("192.0.2.1"), kNow));
  EXPECT_TRUE(list.blocks(kNow).empty());
}

TEST(SourceList, BlocksPrefixesOfAnyLength) {
  SourceList list({});
  for (const char* blocked : {"192.0.2.0/24", "198.51.100.7/32", "2001:db8:1::/48", "2001:db8:2::1/128"})
    list.block(prefix(blocked), kNever);
  for (const char* source :
       {"192.0.2.0", "192.0.2.255", "198.51.100.7", "2001:db8:1:ffff::1", "2001:db8:2::1"})
    EXPECT_TRUE(list.blocked(ip(source), kNow)) << source;
  for (const char* source : {"192.0.3.0", "198.51.100.6", "2001:db8:3::1", "2001:db8:2::2"})
    EXPECT_FALSE(list.blocked(ip(source), kNow)) << source;
}

TEST(SourceList, APrefixHoldsInItsOwnFamilyAlone) {
  SourceList list({});
  list.block(prefix("::/0"), kNever);
  EXPECT_FALSE(list.blocked(ip("192.0.2.1"), kNow));
  EXPECT_TRUE(list.blocked(ip("2001:db8::1"), kNow));
  EXPECT_TRUE(list.unblock(prefix("::/0")));
  list.block(prefix("0.0.0.0/0"), kNever);
  EXPECT_TRUE(list.blocked(ip("192.0.2.1"), kNow));
  EXPECT_FALSE(list.blocked(ip("2001:db8::1"), kNow));
}

TEST(SourceList, ABlockEnds) {
  SourceList list({});
  list.block(prefix("192.0.2.0/24"), kNow + Seconds(10));
  list.block(prefix("192.0.2.1/32"), kNow + Seconds(5));
  EXPECT_TRUE(list.blocked(ip("192.0.2.1"), kNow + Seconds(9)));  // by the longer one still
  EXPECT_EQ(list.blocks(kNow + Seconds(5)),
            (std::vector<Block>{{prefix("192.0.2.0/24"), kNow + Seconds(10)}}));
  EXPECT_EQ(list.remove_expired(kNow + Seconds(5)), std::vector{prefix("192.0.2.1/32")});
  EXPECT_FALSE(list.unblock(prefix("192.0.2.1/32")));
  EXPECT_FALSE(list.blocked(ip("192.0.2.1"), kNow + Seconds(10)));
  EXPECT_EQ(list.remove_expired(kNow + Seconds(10)), std::vector{prefix("192.0.2.0/24")});
  EXPECT_TRUE(list.remove_expired(kNow + Seconds(10)).empty());
}

TEST(SourceList, BlockingAgainMovesTheEnd) {
  SourceList list({});
  list.block(prefix("192.0.2.0/24"), kNow + Seconds(1));
  list.block(prefix("192.0.2.0/24"), kNever);
  EXPECT_TRUE(list.blocked(ip("192.0.2.1"), kNow + Seconds(1000)));
  EXPECT_EQ(list.blocks(kNow).size(), 1u);
  EXPECT_TRUE(list.unblock(prefix("192.0.2.0/24")));
  EXPECT_FALSE(list.blocked(ip("192.0.2.1"), kNow));
}

TEST(SourceList, ASourceHasItsBurstAndThenItsRate) {
  SourceList list({10, 5, 100});
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(list.admit_request(ip("192.0.2.1"), kNow));
  EXPECT_FALSE(list.admit_request(ip("192.0.2.1"), kNow));
  EXPECT_FALSE(list.admit_request(ip("192.0.2.1"), kNow + milliseconds(99)));
  EXPECT_TRUE(list.admit_request(ip("192.0.2.1"), kNow + milliseconds(100)));
  EXPECT_FALSE(list.admit_request(ip("192.0.2.1"), kNow + milliseconds(100)));
  EXPECT_TRUE(list.admit_request(ip("192.0.2.2"), kNow + milliseconds(100)));  // another
}

TEST(SourceList, AnIpv6SourceIsItsSlash64) {
  SourceList list({1, 1, 100});
  EXPECT_TRUE(list.admit_request(ip("2001:db8::1"), kNow));
  EXPECT_FALSE(list.admit_request(ip("2001:db8::ffff:1"), kNow));
  EXPECT_TRUE(list.admit_request(ip("2001:db8:0:1::1"), kNow));
}

TEST(SourceList, NoRateIsNoLimit) {
  SourceList list({0, 1, 1});
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(list.admit_request(ip("192.0.2.1"), kNow));
  EXPECT_EQ(list.sources(), 0u);
}

TEST(SourceList, RemembersSoManyAndForgetsWhoSpentLeast) {
  SourceList list({1, 3, 2});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(list.admit_request(ip("192.0.2.1"), kNow));
  for (uint8_t i = 2; i < 200; ++i)
    EXPECT_TRUE(list.admit_request(IpAddress::v4(192, 0, 2, i), kNow));
  EXPECT_EQ(list.sources(), 2u);
  EXPECT_FALSE(list.admit_request(ip("192.0.2.1"), kNow));
}

TEST(SourceList, ForgetsWhoseBudgetIsFullAgain) {
  SourceList list({1, 3, 100});
  for (uint8_t i = 0; i < 50; ++i)
    list.admit_request(IpAddress::v4(192, 0, 2, i), kNow);
  EXPECT_EQ(list.sources(), 50u);
  list.admit_request(ip("198.51.100.7"), kNow + Seconds(1));
  EXPECT_EQ(list.sources(), 1u);
}

TEST(SourceList, AnyThreadMayAskAndChange) {
  SourceList list({1000, 1000, 16});
  std::vector<std::thread> threads;
  std::atomic<int> admitted = 0;
  for (uint8_t thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      const IpAddress own = IpAddress::v4(192, 0, 2, thread);
      for (int i = 0; i < 1000; ++i) {
        list.block(Prefix(own, 32), kNever);
        EXPECT_TRUE(list.blocked(own, kNow));
        EXPECT_TRUE(list.unblock(Prefix(own, 32)));
        if (list.admit_request(ip("198.51.100.7"), kNow)) ++admitted;
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(admitted, 1000);
  EXPECT_TRUE(list.blocks(kNow).empty());
}

}  // namespace
}  // namespace turnpike::guard
