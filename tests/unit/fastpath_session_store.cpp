// SPDX-License-Identifier: Apache-2.0
#include "fastpath/session_store.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>

#include "bpf/abi.h"
#include "fastpath/map_entries.h"
#include "unit/test_network.h"

namespace turnpike::fastpath {
namespace {

MonotonicTime at(int64_t nanoseconds) {
  return MonotonicTime(Nanoseconds(nanoseconds));
}

SavedSession session(uint64_t id) {
  SavedSession saved;
  saved.session = {.id = {id},
                   .five_tuple = {endpoint("192.0.2.9:40000"), endpoint("192.0.2.1:3478"), Transport::kTls},
                   .relayed = endpoint("[2001:db8::1]:50000"),
                   .username = "1760000000:alice",
                   .created = at(5),
                   .expires = at(600'000'000'123),
                   .transaction_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                   .granted = Seconds(600),
                   .reserved = std::array<uint8_t, 8>{8, 7, 6, 5, 4, 3, 2, 1},
                   .additional_family_refused = true};
  return saved;
}

PermissionRecord permission(const std::string& peer) {
  return {address(peer), at(300'000'000'007)};
}

ChannelRecord channel(uint16_t number, bool resting = false) {
  return {{number}, endpoint("198.51.100.7:6000"), at(601'000'000'000), resting};
}

class SessionStoreTest : public TestNetwork {
 protected:
  void SetUp() override {
    TestNetwork::SetUp();
    start();
  }
  void TearDown() override {
    if (bpffs_) bpffs_->keep(false);
  }
  // As a process does.
  void start(const StoreOptions& options = {8, 8, 8}) {
    if (bpffs_) bpffs_->keep(true);
    bpffs_.reset();
    auto bpffs = Bpffs::open("/run/tp/pins");
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    bpffs_ = std::make_unique<Bpffs>(std::move(*bpffs));
    auto store = SessionStore::open(*bpffs_, options);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::make_unique<SessionStore>(std::move(*store));
  }
  // What is there, in order.
  std::vector<SavedSession> load() {
    auto all = store_->load();
    EXPECT_TRUE(all) << all.error().message;
    if (!all) return {};
    std::sort(all->begin(), all->end(),
              [](const auto& one, const auto& other) { return one.session.id < other.session.id; });
    for (SavedSession& saved : *all) {
      std::sort(saved.permissions.begin(), saved.permissions.end(),
                [](const auto& one, const auto& other) { return one.peer < other.peer; });
      std::sort(saved.channels.begin(), saved.channels.end(),
                [](const auto& one, const auto& other) { return one.number < other.number; });
    }
    return std::move(*all);
  }
  // Changes the record of session `id` behind the store's back.
  void spoil(uint64_t id, const std::function<void(tp_session&)>& change) {
    const UniqueFd map = bpffs_->open_map("sessions");
    tp_session entry{};
    ASSERT_EQ(bpf_map_lookup_elem(map.get(), &id, &entry), 0);
    change(entry);
    ASSERT_EQ(bpf_map_update_elem(map.get(), &id, &entry, BPF_EXIST), 0);
  }

  std::unique_ptr<Bpffs> bpffs_;
  std::unique_ptr<SessionStore> store_;
};

TEST_F(SessionStoreTest, ASuccessorHasAllOfIt) {
  SavedSession one = session(1), two = session(0xfedcba9876543210);
  two.session.username = std::string(508, 'x');
  two.session.reserved.reset();
  two.session.additional_family_refused = false;
  two.session.five_tuple.transport = Transport::kUdp;
  one.permissions = {permission("198.51.100.7"), permission("2001:db8::7")};
  one.channels = {channel(0x4000), channel(0x7fff, true)};
  two.permissions = {permission("198.51.100.7")};
  for (const SavedSession& saved : {one, two}) {
    EXPECT_TRUE(store_->set(saved.session));
    for (const PermissionRecord& each : saved.permissions)
      EXPECT_TRUE(store_->set(saved.session.id, each));
    for (const ChannelRecord& each : saved.channels)
      EXPECT_TRUE(store_->set(saved.session.id, each));
  }
  start();
  EXPECT_TRUE(bpffs_->found());
  EXPECT_EQ(load(), (std::vector{one, two}));
}

TEST_F(SessionStoreTest, RecordsChangeAndGo) {
  SavedSession saved = session(1);
  saved.permissions = {permission("198.51.100.7")};
  saved.channels = {channel(0x4000)};
  for (int times = 0; times < 2; ++times) {
    EXPECT_TRUE(store_->set(saved.session));
    EXPECT_TRUE(store_->set({1}, saved.permissions[0]));
    EXPECT_TRUE(store_->set({1}, saved.channels[0]));
    EXPECT_EQ(load(), std::vector{saved});
    saved.session.expires += Seconds(600);
    saved.permissions[0].expires += Seconds(300);
    saved.channels[0].resting = true;
  }
  store_->remove({1}, ChannelNumber{0x4000});
  store_->remove({1}, address("198.51.100.7"));
  ASSERT_EQ(load().size(), 1u);
  EXPECT_TRUE(load()[0].permissions.empty());
  EXPECT_TRUE(load()[0].channels.empty());
  store_->remove({1});
  EXPECT_TRUE(load().empty());
}

TEST_F(SessionStoreTest, CountersStayWhenASessionIsSetAgain) {
  SavedSession saved = session(1);
  saved.slow = {1, 200, 3, 400};
  EXPECT_TRUE(store_->set(saved.session));
  store_->save_counters({1}, saved.slow);
  saved.session.expires += Seconds(600);
  EXPECT_TRUE(store_->set(saved.session));
  EXPECT_EQ(load(), std::vector{saved});
}

TEST_F(SessionStoreTest, CountersOfASessionThatIsGoneMakeNone) {
  store_->save_counters({1}, {1, 200, 3, 400});
  EXPECT_TRUE(load().empty());
}

TEST_F(SessionStoreTest, TotalsGoOn) {
  EXPECT_EQ(store_->load_totals(), RelayCounters());
  store_->save_totals(0, {1, 10, 100, 1000});
  store_->save_totals(1, {2, 20, 200, 2000});
  store_->save_totals(255, {4, 40, 400, 4000});
  start();
  EXPECT_EQ(store_->load_totals(), (RelayCounters{7, 70, 700, 7000}));
  store_->save_totals(0, {8, 80, 800, 8000});  // what worker 0 has relayed itself, and what was found
  store_->save_totals(1, {1, 10, 100, 1000});
  start();
  EXPECT_EQ(store_->load_totals(), (RelayCounters{9, 90, 900, 9000}));
}

TEST_F(SessionStoreTest, RemovesWhatItsSessionLeft) {
  EXPECT_TRUE(store_->set(session(1).session));
  EXPECT_TRUE(store_->set({1}, permission("198.51.100.7")));
  EXPECT_TRUE(store_->set({1}, channel(0x4000)));
  store_->remove({1});  // and the process died
  start();
  EXPECT_TRUE(load().empty());
  EXPECT_TRUE(store_->set(session(1).session));
  EXPECT_EQ(load(), std::vector{session(1)}) << "nothing of the earlier one comes back";
}

TEST_F(SessionStoreTest, RemovesWhatMakesNoSense) {
  const std::function<void(tp_session&)> faults[] = {
      [](tp_session& entry) { entry.username_length = TP_USERNAME_SIZE + 1; },
      [](tp_session& entry) { entry.username_length = UINT32_MAX; },
      [](tp_session& entry) { entry.transport = 4; },
      [](tp_session& entry) { entry.client.port = 0; },
      [](tp_session& entry) { entry.server.port = 0; },
      [](tp_session& entry) { entry.relayed.port = 0; },
      [](tp_session& entry) { entry = {}; },
  };
  EXPECT_TRUE(store_->set(session(2).session));
  for (const auto& fault : faults) {
    EXPECT_TRUE(store_->set(session(1).session));
    EXPECT_TRUE(store_->set({1}, permission("198.51.100.7")));
    spoil(1, fault);
    EXPECT_EQ(load(), std::vector{session(2)});
    const auto left = read_all<tp_session_permission_key, tp_session_permission>(
        bpffs_->open_map("session_permissions").get());
    ASSERT_TRUE(left);
    EXPECT_TRUE(left->empty());
  }
  SavedSession three = session(3);
  three.session.username = std::string(TP_SHORT_USERNAME + 1, 'x');
  EXPECT_TRUE(store_->set(three.session));
  const uint64_t id = 3;
  ASSERT_EQ(bpf_map_delete_elem(bpffs_->open_map("session_names").get(), &id), 0);
  EXPECT_EQ(load(), std::vector{session(2)}) << "half a user name is no name";
  EXPECT_TRUE(store_->set({2}, channel(0x3fff)));
  EXPECT_TRUE(store_->set({2}, channel(0x8000)));
  EXPECT_EQ(load(), std::vector{session(2)});
  store_->remove({2});
  EXPECT_TRUE(store_->set(session(0).session));
  EXPECT_TRUE(load().empty());
}

TEST_F(SessionStoreTest, NamesOfAnyLengthComeAndGoWithTheirSession) {
  std::vector<SavedSession> all;
  for (const size_t size :
       {0, 1, TP_SHORT_USERNAME - 1, TP_SHORT_USERNAME, TP_SHORT_USERNAME + 1, 508, 512}) {
    all.push_back(session(all.size() + 1));
    all.back().session.username = std::string(size, static_cast<char>('a' + all.size()));
    EXPECT_TRUE(store_->set(all.back().session));
  }
  start();
  EXPECT_EQ(load(), all);
  const auto names = [&] {
    const auto entries = read_all<uint64_t, tp_session_name>(bpffs_->open_map("session_names").get());
    EXPECT_TRUE(entries);
    return entries ? entries->size() : 0;
  };
  EXPECT_EQ(names(), 3u);
  for (const SavedSession& saved : all)
    store_->remove(saved.session.id);
  EXPECT_EQ(names(), 0u);
}

TEST_F(SessionStoreTest, ANameWithoutASessionIsRemoved) {
  const uint64_t id = 1;
  const tp_session_name rest{};
  ASSERT_EQ(bpf_map_update_elem(bpffs_->open_map("session_names").get(), &id, &rest, BPF_ANY), 0);
  EXPECT_TRUE(load().empty());
  EXPECT_NE(bpf_map_delete_elem(bpffs_->open_map("session_names").get(), &id), 0);
}

TEST_F(SessionStoreTest, SaysWhenItIsFull) {
  for (uint64_t id = 1; id <= 8; ++id)
    EXPECT_TRUE(store_->set(session(id).session));
  EXPECT_EQ(store_->set(session(9).session).error().code, ErrorCode::kExhausted);
  EXPECT_TRUE(store_->set(session(8).session)) << "what is there can still be changed";
  for (uint16_t i = 0; i < 8; ++i) {
    EXPECT_TRUE(store_->set({1}, permission("198.51.100." + std::to_string(i))));
    EXPECT_TRUE(store_->set({1}, channel(0x4000 + i)));
  }
  EXPECT_EQ(store_->set({1}, permission("198.51.100.8")).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(store_->set({1}, channel(0x4008)).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(load().size(), 8u);
}

TEST_F(SessionStoreTest, RefusesANameThatDoesNotFit) {
  SavedSession saved = session(1);
  saved.session.username = std::string(TP_USERNAME_SIZE + 1, 'x');
  EXPECT_EQ(store_->set(saved.session).error().code, ErrorCode::kInvalid);
}

TEST_F(SessionStoreTest, KeepsItsSizeUntilItStartsClean) {
  start({1000, 1000, 1000});
  for (uint64_t id = 1; id <= 8; ++id)
    EXPECT_TRUE(store_->set(session(id).session));
  EXPECT_EQ(store_->set(session(9).session).error().code, ErrorCode::kExhausted);
}

TEST_F(SessionStoreTest, LoadsManyInLittleTime) {
  constexpr uint32_t kSessions = 20'000;
  bpffs_->keep(false);
  bpffs_.reset();
  start({kSessions, 4 * kSessions, kSessions});
  for (uint64_t id = 1; id <= kSessions; ++id) {
    ASSERT_TRUE(store_->set(session(id).session));
    for (const char* peer : {"198.51.100.1", "198.51.100.2", "198.51.100.3"})
      ASSERT_TRUE(store_->set({id}, permission(peer)));
    ASSERT_TRUE(store_->set({id}, channel(0x4000)));
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto all = store_->load();
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), kSessions);
  for (const SavedSession& saved : *all) {
    ASSERT_EQ(saved.permissions.size(), 3u);
    ASSERT_EQ(saved.channels.size(), 1u);
  }
  EXPECT_LT(took, std::chrono::seconds(5));
  RecordProperty("milliseconds",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

}  // namespace
}  // namespace turnpike::fastpath
