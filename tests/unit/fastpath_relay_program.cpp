// SPDX-License-Identifier: Apache-2.0
#include "fastpath/relay_program.h"

#include <bpf/bpf.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include <filesystem>
#include <thread>

#include "fastpath/bpffs.h"
#include "fastpath/map_entries.h"
#include "fastpath/steering.h"
#include "unit/test_network.h"

namespace turnpike::fastpath {
namespace {

uint32_t id_of(int map) {
  bpf_map_info info{};
  uint32_t size = sizeof info;
  EXPECT_EQ(bpf_obj_get_info_by_fd(map, &info, &size), 0);
  return info.id;
}

class RelayProgramTest : public TestNetwork {
 protected:
  static constexpr const char* kPins = "/run/tp/pins";

  void SetUp() override {
    TestNetwork::SetUp();
    options_.max_bindings = 8;
    options_.max_allocations = 16;
    options_.max_users = 32;
    options_.max_next_hops = 64;
    options_.max_blocked = 128;
    options_.max_sources = 4096;
    start();
  }
  void TearDown() override {
    if (bpffs_) bpffs_->keep(false);
  }
  // As a process does.
  void start() {
    steering_.reset();
    bpffs_.reset();
    auto bpffs = Bpffs::open(kPins);
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    bpffs_ = std::make_unique<Bpffs>(std::move(*bpffs));
    auto steering = Steering::create({256, 4}, *bpffs_);
    ASSERT_TRUE(steering) << steering.error().message;
    steering_ = std::move(*steering);
  }
  Result<RelayProgram> load() { return RelayProgram::load(options_, *bpffs_); }

  XdpOptions options_;
  std::unique_ptr<Bpffs> bpffs_;
  std::unique_ptr<Steering> steering_;
};

// This thread's programs are verified as an unprivileged user's from now on: comparing packet pointers, which
// the relay program does, is refused then. Other threads keep what they have.
void lower_trust() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  ASSERT_EQ(syscall(SYS_capget, &header, sets), 0);
  for (const unsigned each : {CAP_PERFMON, CAP_SYS_ADMIN})
    sets[each / 32].effective &= ~(1u << each % 32);
  ASSERT_EQ(syscall(SYS_capset, &header, sets), 0);
}

TEST_F(RelayProgramTest, VerifierRefusalComesWithItsLog) {
  std::thread([&] {
    lower_trust();
    const auto refused = load();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(refused.error().message.find("the kernel refused the XDP program"), std::string::npos);
    EXPECT_NE(refused.error().message.find("pointer"), std::string::npos) << refused.error().message;
    EXPECT_NE(refused.error().message.find("processed "), std::string::npos) << refused.error().message;
  }).join();
  EXPECT_FALSE(bpffs_->open_map("flows")) << "stays pinned";
}

TEST_F(RelayProgramTest, MapsHaveTheSizesOfTheOptions) {
  const auto program = load();
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_FALSE(program->taken_over());
  const RelayMaps& maps = program->maps();
  EXPECT_EQ(maps.flows.max_entries, 16u);
  EXPECT_EQ(maps.bindings.max_entries, 8u);
  EXPECT_EQ(maps.allocations.max_entries, 16u);
  EXPECT_EQ(maps.allocation_counters.max_entries, 16u);
  EXPECT_EQ(maps.users.max_entries, 32u);
  EXPECT_EQ(maps.next_hops.max_entries, 64u);
  EXPECT_EQ(maps.blocked.max_entries, 128u);
  EXPECT_EQ(maps.source_budgets.max_entries, 4096u);
  EXPECT_EQ(maps.control.max_entries, 1u);
  EXPECT_EQ(maps.reasons.max_entries, uint32_t{TP_REASON_COUNT});
  EXPECT_GE(maps.events.max_entries, 1u << 18);
  for (const KernelMap& map : {maps.flows, maps.events, maps.own_addresses, maps.translations, maps.vlans})
    EXPECT_GE(map.fd, 0);
}

TEST_F(RelayProgramTest, SharesThePortsWithSteering) {
  const auto program = load();
  ASSERT_TRUE(program) << program.error().message;
  const uint32_t ports = id_of(bpffs_->open_map("steer").get());
  uint32_t ids[32] = {};
  bpf_prog_info info{};
  info.nr_map_ids = std::size(ids);
  info.map_ids = reinterpret_cast<uint64_t>(ids);
  uint32_t size = sizeof info;
  ASSERT_EQ(bpf_obj_get_info_by_fd(program->program(), &info, &size), 0);
  EXPECT_NE(std::find(ids, ids + info.nr_map_ids, ports), ids + info.nr_map_ids);
}

TEST_F(RelayProgramTest, ASuccessorHasTheSameMaps) {
  const uint32_t slot = 5;
  tp_binding binding{};
  binding.generation = 77;
  uint32_t bindings = 0;
  {
    const auto program = load();
    ASSERT_TRUE(program) << program.error().message;
    bindings = id_of(program->maps().bindings.fd);
    ASSERT_EQ(bpf_map_update_elem(program->maps().bindings.fd, &slot, &binding, BPF_ANY), 0);
  }
  bpffs_->keep(true);
  options_.max_bindings = 1000;
  start();
  EXPECT_TRUE(bpffs_->found());
  const auto program = load();
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_TRUE(program->taken_over());
  EXPECT_EQ(id_of(program->maps().bindings.fd), bindings);
  EXPECT_EQ(program->maps().bindings.max_entries, 8u) << "the size of an earlier process stays";
  tp_binding found{};
  ASSERT_EQ(bpf_map_lookup_elem(program->maps().bindings.fd, &slot, &found), 0);
  EXPECT_EQ(found.generation, 77u);
}

TEST_F(RelayProgramTest, AStartWithoutItRemovesIt) {
  {
    const auto program = load();
    ASSERT_TRUE(program) << program.error().message;
    LIBBPF_OPTS(bpf_link_create_opts, link_options, .flags = 2);  // XDP_FLAGS_SKB_MODE
    const UniqueFd link(
        bpf_link_create(program->program(), static_cast<int>(if_nametoindex("tp0")), BPF_XDP, &link_options));
    ASSERT_TRUE(link);
    const std::string pin = std::string(kPins) + "/link-" + std::to_string(if_nametoindex("tp0"));
    ASSERT_EQ(bpf_obj_pin(link.get(), pin.c_str()), 0);
  }
  run("ip link show tp0 | grep -q xdp");
  RelayProgram::remove(*bpffs_);
  run("! ip link show tp0 | grep -q xdp");
  EXPECT_FALSE(bpffs_->open_map("flows"));
  EXPECT_TRUE(bpffs_->open_map("steer"));
  EXPECT_TRUE(bpffs_->open_map("control"));
  bpffs_->keep(true);
  start();
  EXPECT_TRUE(bpffs_->found());
}

}  // namespace
}  // namespace turnpike::fastpath
