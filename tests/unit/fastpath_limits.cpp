// SPDX-License-Identifier: Apache-2.0
#include "fastpath/heap_limits.h"
#include "fastpath/policing.h"
#include "fastpath/slot_pool.h"
#include "unit/xdp_fixture.h"

namespace turnpike::fastpath {
namespace {

constexpr MonotonicTime kStart{std::chrono::hours(1)};
constexpr auto kUp = Direction::kToPeer;
constexpr auto kDown = Direction::kToClient;

class LimitsTest : public ::testing::Test {
 protected:
  Admission admit(size_t bytes, Nanoseconds after, Direction direction = kUp) {
    return admit_by(allocation_, user_, direction, bytes, kStart + after);
  }
  tp_policer allocation_{};
  tp_policer user_{};
};

TEST_F(LimitsTest, OfNoneAdmitAllAndCountNothing) {
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(admit(65535, Nanoseconds(0)), Admission::kAdmitted);
  EXPECT_EQ(allocation_.used, 0u);
}

TEST_F(LimitsTest, KeepARateExactlyOverALongTime) {
  set_rate(allocation_, {1'000'000, 0, 0, std::chrono::milliseconds(10)});
  uint64_t admitted = 0;
  for (int i = 0; i < 1'000'000; ++i)  // ten seconds, ten times the rate
    if (admit(100, std::chrono::microseconds(10) * i) == Admission::kAdmitted) admitted += 100;
  EXPECT_NEAR(static_cast<double>(admitted), 10'010'000, 200);
}

TEST_F(LimitsTest, CountPacketsToo) {
  set_rate(allocation_, {0, 50, 0, Seconds(1)});
  int admitted = 0;
  while (admit(1, Nanoseconds(0)) == Admission::kAdmitted)
    ++admitted;
  EXPECT_EQ(admitted, 51);
  EXPECT_EQ(admit(1, Nanoseconds(0), kDown), Admission::kAdmitted);  // each direction by itself
  EXPECT_EQ(admit(1, Nanoseconds(0)), Admission::kAllocationRate);
  EXPECT_EQ(admit(1, std::chrono::milliseconds(20)), Admission::kAdmitted);
}

TEST_F(LimitsTest, ChargeNothingForWhatIsRefused) {
  set_rate(allocation_, {1000, 0, 0, Seconds(1)});
  set_rate(user_, {0, 0, 10, Seconds(1)});
  EXPECT_EQ(admit(11, Nanoseconds(0)), Admission::kUserQuota);
  EXPECT_EQ(allocation_.bytes_at[TP_TO_PEER], 0u);
  EXPECT_EQ(admit(10, Nanoseconds(0)), Admission::kAdmitted);
  EXPECT_EQ(admit(1, Nanoseconds(0), kDown), Admission::kUserQuota);  // both directions together
  EXPECT_EQ(user_.used, 10u);
}

TEST_F(LimitsTest, OfTheSlowestRateTakeTheLargestDatagram) {
  set_rate(allocation_, {1000, 0, 0, Nanoseconds(0)});
  EXPECT_EQ(admit(65535, Nanoseconds(0)), Admission::kAdmitted);
  EXPECT_EQ(admit(1, std::chrono::milliseconds(65534)), Admission::kAllocationRate);
  EXPECT_EQ(admit(1, std::chrono::milliseconds(65536)), Admission::kAdmitted);
}

SessionRecord session_of(uint64_t id, const std::string& user) {
  SessionRecord session;
  session.id = {id};
  session.username = user;
  return session;
}

TEST(HeapLimits, AreSharedByAUsersAllocations) {
  const auto fast_path = create_null_fast_path("because", {{0, 0, 100, Seconds(1)}, {0, 0, 150, Seconds(1)}});
  EXPECT_TRUE(fast_path->limits_traffic());
  EXPECT_EQ(fast_path->why({1}, {0x4000}).reason, "because");
  for (const uint64_t id : {1, 2})
    ASSERT_TRUE(fast_path->set_allocation(session_of(id, "one")));
  ASSERT_TRUE(fast_path->set_allocation(session_of(3, "other")));
  EXPECT_EQ(fast_path->admit({1}, kUp, 100, kStart), Admission::kAdmitted);
  EXPECT_EQ(fast_path->admit({1}, kUp, 1, kStart), Admission::kAllocationQuota);
  EXPECT_EQ(fast_path->admit({2}, kUp, 51, kStart), Admission::kUserQuota);
  EXPECT_EQ(fast_path->admit({3}, kUp, 51, kStart), Admission::kAdmitted);
  EXPECT_EQ(fast_path->admit({4}, kUp, 1000, kStart), Admission::kAdmitted);
  fast_path->remove_allocation({1});
  ASSERT_TRUE(fast_path->set_allocation(session_of(2, "one")));  // a new expiry
  EXPECT_EQ(fast_path->admit({2}, kUp, 51, kStart), Admission::kUserQuota);
  fast_path->remove_allocation({2});
  ASSERT_TRUE(fast_path->set_allocation(session_of(5, "one")));
  EXPECT_EQ(fast_path->admit({5}, kUp, 51, kStart), Admission::kUserQuota);  // outlasts the allocations
}

TEST(HeapLimits, ForgetFirstWhoLeftFirst) {
  HeapLimits limits({{}, {0, 0, 10, Seconds(1)}}, 2);
  const auto spend_all = [&](const std::string& user) {
    limits.set(session_of(1, user));
    const Admission admission = limits.admit({1}, kUp, 10, kStart);
    limits.remove({1});
    return admission;
  };
  for (const char* user : {"one", "two"})
    EXPECT_EQ(spend_all(user), Admission::kAdmitted) << user;
  EXPECT_EQ(spend_all("one"), Admission::kUserQuota);  // leaves anew
  EXPECT_EQ(spend_all("three"), Admission::kAdmitted);
  EXPECT_EQ(spend_all("one"), Admission::kUserQuota);
  EXPECT_EQ(spend_all("two"), Admission::kAdmitted);
}

TEST(HeapLimits, AreNoneWithoutRates) {
  EXPECT_FALSE(create_null_fast_path("", {})->limits_traffic());
}

class KernelLimitsTest : public XdpTest {};

TEST_F(KernelLimitsTest, AreTheSlowPathsToo) {
  set_peer_gro(true);
  options_.rates.allocation.quota_bytes = 25;
  start();
  allocate();
  ASSERT_TRUE(fast_path_->install(binding()));
  ASSERT_TRUE(eventually([&] { return fast(); }));
  const UniqueFd client = udp_socket(binding().five_tuple.client, true);
  const UniqueFd peer = udp_socket(binding().peer, true);
  const MonotonicTime now = read_clocks().monotonic;
  EXPECT_EQ(fast_path_->admit({1}, kDown, 10, now), Admission::kAdmitted);
  const std::string data = std::string("\x40\0\0\x0a", 4) + "0123456789";
  send(client, binding().five_tuple.server, data);
  EXPECT_EQ(receive(peer), "0123456789");
  EXPECT_EQ(entry<tp_allocation>("allocations", 0).policer.used, 20u);
  EXPECT_EQ(fast_path_->admit({1}, kDown, 6, now), Admission::kAllocationQuota);
  send(client, binding().five_tuple.server, data);
  EXPECT_TRUE(nothing_comes(peer));
  EXPECT_EQ(fast_path_->counters({1}).refused_packets, 1u);
  EXPECT_EQ(fast_path_->counters({1}).refused_bytes, 10u);
  EXPECT_EQ(fast_path_->reasons()[TP_DROP_ALLOCATION_QUOTA].packets, 1u);
}

TEST_F(KernelLimitsTest, HoldForAllocationsThatFoundNoRoom) {
  options_.max_allocations = 1;
  options_.rates.allocation.quota_bytes = 10;
  start();
  allocate();
  EXPECT_EQ(fast_path_->set_allocation(session(2)).error().code, ErrorCode::kExhausted);
  const MonotonicTime now = read_clocks().monotonic;
  EXPECT_EQ(fast_path_->admit({2}, kUp, 10, now), Admission::kAdmitted);
  EXPECT_EQ(fast_path_->admit({2}, kUp, 1, now), Admission::kAllocationQuota);
}

TEST_F(KernelLimitsTest, AreTheKernelsOnceThereIsRoom) {
  options_.max_allocations = 1;
  start();
  allocate(2);
  EXPECT_EQ(fast_path_->set_allocation(session()).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(fast_path_->install(binding()).error().code, ErrorCode::kExhausted);
  fast_path_->remove_allocation({2});
  std::this_thread::sleep_for(kSlotRest + std::chrono::milliseconds(100));
  EXPECT_TRUE(fast_path_->permit(permission()));
  EXPECT_TRUE(fast_path_->install(binding()));
  EXPECT_TRUE(eventually([&] { return fast(); }));
  fast_path_->remove_allocation({1});
  EXPECT_EQ(fast_path_->install(binding()).error().code, ErrorCode::kNotFound);
}

TEST_F(KernelLimitsTest, OfUsersNeedRoomInTheirTable) {
  options_.max_users = 2;  // one of them is nobody's
  options_.rates.user.bytes_per_second = 100000;
  start();
  allocate();
  SessionRecord other = session(2);
  other.username = "other";
  EXPECT_EQ(fast_path_->set_allocation(other).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(table("users").refused, 1u);
  EXPECT_EQ(table("users").size, 1u);
  EXPECT_EQ(table("allocations").used, 1u);
}

class UserSlotsTest : public KernelLimitsTest {
 protected:
  void SetUp() override {
    KernelLimitsTest::SetUp();
    options_.max_users = 3;  // one of them is nobody's
    options_.rates.user.quota_bytes = 10;
  }
  // In an allocation that ends with it; nothing when there was no slot.
  std::optional<Admission> spend_all(const std::string& user) {
    SessionRecord record = session(1);
    record.username = user;
    if (!fast_path_->set_allocation(record)) return std::nullopt;
    const Admission admission = fast_path_->admit({1}, kUp, 10, read_clocks().monotonic);
    fast_path_->remove_allocation({1});
    return admission;
  }
};

TEST_F(UserSlotsTest, OutlastTheLastAllocation) {
  start();
  EXPECT_EQ(spend_all("one"), Admission::kAdmitted);
  EXPECT_EQ(table("users").used, 0u);
  EXPECT_EQ(spend_all("one"), Admission::kUserQuota);
  EXPECT_EQ(spend_all("two"), Admission::kAdmitted);
  EXPECT_EQ(spend_all("one"), Admission::kUserQuota);
  EXPECT_EQ(spend_all("three"), std::nullopt);  // slots rest
  EXPECT_TRUE(eventually([&] { return spend_all("three") == Admission::kAdmitted; }));
  EXPECT_EQ(spend_all("one"), Admission::kUserQuota);
  EXPECT_EQ(table("users").used, 0u);
}

TEST_F(UserSlotsTest, OfUsersWithAllocationsOutlastARestart) {
  start();
  SessionRecord record = session(1);
  record.username = "one";
  ASSERT_TRUE(fast_path_->set_allocation(record));
  EXPECT_EQ(fast_path_->admit({1}, kUp, 10, read_clocks().monotonic), Admission::kAdmitted);
  leave();
  start();
  ASSERT_TRUE(fast_path_->set_allocation(record));
  fast_path_->finish_takeover();
  fast_path_->remove_allocation({1});
  EXPECT_EQ(spend_all("one"), Admission::kUserQuota);
}

}  // namespace
}  // namespace turnpike::fastpath
