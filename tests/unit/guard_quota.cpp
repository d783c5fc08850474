// SPDX-License-Identifier: Apache-2.0
#include "guard/quota.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace turnpike::guard {
namespace {

using Verdict = turn::AllocationQuota::Verdict;

TEST(SharedQuota, LimitsEachUser) {
  SharedQuota quota({100, 2});
  EXPECT_EQ(quota.acquire("alice"), Verdict::kGranted);
  EXPECT_EQ(quota.acquire("alice"), Verdict::kGranted);
  EXPECT_EQ(quota.acquire("alice"), Verdict::kUserFull);
  EXPECT_EQ(quota.acquire("bob"), Verdict::kGranted);
  quota.release("alice");
  EXPECT_EQ(quota.acquire("alice"), Verdict::kGranted);
}

TEST(SharedQuota, ZeroMeansNoLimitOfAUser) {
  SharedQuota quota({100, 0});
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(quota.acquire("alice"), Verdict::kGranted);
  EXPECT_EQ(quota.acquire("alice"), Verdict::kRelayFull);
}

TEST(SharedQuota, LimitsTheRelay) {
  SharedQuota quota({1, 1});
  EXPECT_EQ(quota.acquire("alice"), Verdict::kGranted);
  EXPECT_EQ(quota.acquire("bob"), Verdict::kRelayFull);
  EXPECT_EQ(quota.acquire("alice"), Verdict::kUserFull);
  EXPECT_EQ(quota.of_user("bob"), 0u);
}

TEST(SharedQuota, AdoptsBeyondTheLimits) {
  SharedQuota quota({1, 1});
  quota.adopt("alice");
  quota.adopt("alice");
  EXPECT_EQ(quota.of_user("alice"), 2u);
  EXPECT_EQ(quota.total(), 2u);
  quota.release("alice");
  EXPECT_EQ(quota.acquire("alice"), Verdict::kUserFull);
  quota.release("alice");
  EXPECT_EQ(quota.acquire("alice"), Verdict::kGranted);
}

TEST(SharedQuota, ForgetsUsersWithoutAllocations) {
  SharedQuota quota({10, 1});
  for (int i = 0; i < 1000; ++i) {
    const std::string user = "user " + std::to_string(i);
    ASSERT_EQ(quota.acquire(user), Verdict::kGranted);
    quota.release(user);
  }
  EXPECT_EQ(quota.users(), 0u);
  EXPECT_EQ(quota.total(), 0u);
}

TEST(SharedQuota, AReleaseTooManyChangesNothing) {
  SharedQuota quota({10, 1});
  EXPECT_EQ(quota.acquire("alice"), Verdict::kGranted);
  quota.release("bob");
  EXPECT_EQ(quota.total(), 1u);
}

TEST(SharedQuota, CountsRightFromManyThreads) {
  SharedQuota quota({100000, 0});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&quota, thread] {
      const std::string own = "user " + std::to_string(thread);
      for (int i = 0; i < 2000; ++i) {
        EXPECT_EQ(quota.acquire("shared"), Verdict::kGranted);
        EXPECT_EQ(quota.acquire(own), Verdict::kGranted);
        quota.release(own);
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(quota.total(), 8000u);
  EXPECT_EQ(quota.of_user("shared"), 8000u);
  EXPECT_EQ(quota.users(), 1u);
}

}  // namespace
}  // namespace turnpike::guard
