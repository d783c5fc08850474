// SPDX-License-Identifier: Apache-2.0
#include "fastpath/bpffs.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "fastpath/session_store.h"
#include "fastpath/steering.h"
#include "unit/test_network.h"

namespace turnpike::fastpath {
namespace {

namespace fs = std::filesystem;

bool is_bpffs(const std::string& path) {
  struct statfs status {};
  return statfs(path.c_str(), &status) == 0 &&
         status.f_type == static_cast<decltype(status.f_type)>(BPF_FS_MAGIC);
}

void pin_a_map(const std::string& path) {
  const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "tp_test", 4, 4, 1, nullptr));
  ASSERT_TRUE(map);
  ASSERT_EQ(bpf_obj_pin(map.get(), path.c_str()), 0);
}

uint32_t id_of(const UniqueFd& map) {
  bpf_map_info info{};
  uint32_t size = sizeof info;
  EXPECT_EQ(bpf_obj_get_info_by_fd(map.get(), &info, &size), 0);
  return info.id;
}

class BpffsTest : public TestNetwork {
 protected:
  inline static const std::string kPins = "/run/tp/pins";

  static std::set<std::string> names_in(const std::string& directory) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory))
      if (entry.path().extension() != ".debug") names.insert(entry.path().filename());  // the kernel's own
    return names;
  }

  // What an earlier process did with its directory, and left there.
  static void keep_pins_of(const std::function<void(const Bpffs&)>& process) {
    auto bpffs = Bpffs::open(kPins);
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    process(*bpffs);
    bpffs->keep(true);
  }

  static void expect_discarded(const std::string& why) {
    const auto bpffs = Bpffs::open(kPins);
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_FALSE(bpffs->found());
    EXPECT_FALSE(bpffs->kept());
    EXPECT_EQ(bpffs->discarded(), why);
    EXPECT_EQ(names_in(kPins), (std::set<std::string>{"map-control", "our-directory", "our-mount"}));
  }

  static void kill_a_process_that(const std::function<Result<Bpffs>()>& opens) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto bpffs = opens();
      if (!bpffs) _exit(1);
      raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the directory could not be opened";
  }
};

TEST_F(BpffsTest, MountsWhereThereIsNoneAndUnmounts) {
  {
    const auto bpffs = Bpffs::open("/run/tp/pins");
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_TRUE(bpffs->mounted_by_us());
    EXPECT_TRUE(is_bpffs("/run/tp/pins"));
    EXPECT_FALSE(bpffs->found());
    EXPECT_EQ(bpffs->discarded(), "");
    struct stat status {};
    ASSERT_EQ(stat("/run/tp/pins", &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
    pin_a_map("/run/tp/pins/map-one");
  }
  EXPECT_FALSE(fs::exists("/run/tp"));
}

TEST_F(BpffsTest, UsesTheOneThatIsMounted) {
  fs::create_directory("/run/bpf");
  ASSERT_EQ(mount("bpf", "/run/bpf", "bpf", 0, nullptr), 0);
  {
    const auto bpffs = Bpffs::open("/run/bpf/turnpike/");
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_EQ(bpffs->directory(), "/run/bpf/turnpike");
    EXPECT_FALSE(bpffs->mounted_by_us());
    pin_a_map("/run/bpf/turnpike/map-one");
  }
  EXPECT_TRUE(is_bpffs("/run/bpf"));
  EXPECT_FALSE(fs::exists("/run/bpf/turnpike"));
}

TEST_F(BpffsTest, RemovesItsPinsAndNothingElse) {
  fs::create_directories(kPins);
  ASSERT_EQ(mount("bpf", kPins.c_str(), "bpf", 0, nullptr), 0);
  pin_a_map(kPins + "/another");
  {
    const auto bpffs = Bpffs::open(kPins);
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_EQ(bpffs->discarded(), "");
    pin_a_map(kPins + "/map-one");
  }
  EXPECT_EQ(names_in(kPins), std::set<std::string>{"another"});
}

TEST_F(BpffsTest, KeepsWhatASuccessorFinds) {
  uint32_t id = 0;
  {
    auto bpffs = Bpffs::open(kPins);
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_FALSE(bpffs->kept());
    EXPECT_FALSE(bpffs->open_map("flows"));
    id = id_of(bpffs->open_map("control"));
    bpffs->keep(true);
  }
  {
    const auto failing = Bpffs::open(kPins);
    ASSERT_TRUE(failing) << failing.error().message;
    EXPECT_TRUE(failing->found());
    EXPECT_TRUE(failing->kept());
  }
  {
    auto bpffs = Bpffs::open(kPins);
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_TRUE(bpffs->found());
    EXPECT_EQ(id_of(bpffs->open_map("control")), id);
    bpffs->keep(false);
  }
  EXPECT_FALSE(fs::exists("/run/tp"));
}

TEST_F(BpffsTest, StartsCleanAfterAnotherAbi) {
  keep_pins_of([](const Bpffs& bpffs) {
    const uint32_t slot = 0;
    tp_control control{};
    control.abi_version = TP_ABI_VERSION - 1;
    ASSERT_EQ(bpf_map_update_elem(bpffs.open_map("control").get(), &slot, &control, BPF_ANY), 0);
    pin_a_map(kPins + "/map-one");
  });
  expect_discarded("pins of ABI " + std::to_string(TP_ABI_VERSION - 1) + ", this relay's is " +
                   std::to_string(TP_ABI_VERSION));
}

TEST_F(BpffsTest, StartsCleanWhenNoAbiIsNamed) {
  keep_pins_of([](const Bpffs&) {
    ASSERT_EQ(unlink((kPins + "/map-control").c_str()), 0);
    pin_a_map(kPins + "/map-one");
  });
  expect_discarded("pins without map-control, which would say of which ABI they are");
}

TEST_F(BpffsTest, StartsCleanAfterMapsOfAnotherLayout) {
  keep_pins_of([](const Bpffs&) { pin_a_map(kPins + "/map-steer"); });
  expect_discarded("map-steer of another layout");
}

TEST_F(BpffsTest, StartsCleanWhenMapsAreMissing) {
  keep_pins_of([](const Bpffs& bpffs) {
    ASSERT_TRUE(SessionStore::open(bpffs, {16, 16, 16}));
    ASSERT_EQ(unlink((kPins + "/map-session_channels").c_str()), 0);
  });
  expect_discarded("pins without map-session_channels, which belongs to them");
}

TEST_F(BpffsTest, StartsCleanWhenAPinIsNoMap) {
  keep_pins_of([](const Bpffs&) {
    ASSERT_EQ(unlink((kPins + "/map-control").c_str()), 0);
    const bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS},
                             {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    const UniqueFd program(bpf_prog_load(BPF_PROG_TYPE_XDP, "tp_test", "GPL", code, 2, nullptr));
    ASSERT_TRUE(program);
    ASSERT_EQ(bpf_obj_pin(program.get(), (kPins + "/map-control").c_str()), 0);
  });
  expect_discarded("pins whose map-control says of no ABI");
}

// Nothing of it must go on forwarding beside the new relay.
TEST_F(BpffsTest, DetachesWhatItDiscards) {
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  const UniqueFd peer = udp_socket(endpoint("192.0.2.2:6000"), true);
  const Endpoint relayed = endpoint("192.0.2.1:50000");
  keep_pins_of([&](const Bpffs& bpffs) {
    const auto steering = Steering::create({16, 4}, bpffs);
    ASSERT_TRUE(steering) << steering.error().message;
    ASSERT_TRUE((*steering)->set_socket(0, worker.get()));
    ASSERT_TRUE((*steering)->add_port(relayed, PortKind::kRelay, 0, 1));
    (*steering)->keep();
    ASSERT_EQ(unlink((kPins + "/map-control").c_str()), 0);
  });
  send(peer, relayed, "on and on");
  EXPECT_EQ(receive(worker), "on and on");
  const auto bpffs = Bpffs::open(kPins);
  ASSERT_TRUE(bpffs) << bpffs.error().message;
  send(peer, relayed, "to nobody");
  EXPECT_TRUE(nothing_comes(worker));
}

TEST_F(BpffsTest, SuccessorOfAKilledProcessRemovesItsMount) {
  kill_a_process_that([] { return Bpffs::open(kPins); });
  EXPECT_TRUE(is_bpffs(kPins));
  {
    auto bpffs = Bpffs::open(kPins);
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_TRUE(bpffs->found());
    EXPECT_TRUE(bpffs->mounted_by_us());
    bpffs->keep(false);
  }
  EXPECT_FALSE(fs::exists("/run/tp"));
}

TEST_F(BpffsTest, SuccessorOfAKilledProcessRemovesItsMountAboveThePins) {
  ASSERT_EQ(mount("sysfs", "/sys", "sysfs", 0, nullptr), 0);
  kill_a_process_that([] { return Bpffs::open("/sys/fs/bpf/turnpike"); });
  EXPECT_TRUE(is_bpffs("/sys/fs/bpf"));
  for (const bool stop : {false, true}) {
    auto bpffs = Bpffs::open("/sys/fs/bpf/turnpike");
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_TRUE(bpffs->mounted_by_us());
    bpffs->keep(!stop);
  }
  EXPECT_FALSE(is_bpffs("/sys/fs/bpf"));
}

TEST_F(BpffsTest, SuccessorOfAKilledProcessRemovesItsDirectory) {
  fs::create_directory("/run/bpf");
  ASSERT_EQ(mount("bpf", "/run/bpf", "bpf", 0, nullptr), 0);
  kill_a_process_that([] { return Bpffs::open("/run/bpf/one/two"); });
  {
    auto bpffs = Bpffs::open("/run/bpf/one/two");
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_FALSE(bpffs->mounted_by_us());
    bpffs->keep(false);
  }
  EXPECT_TRUE(is_bpffs("/run/bpf"));
  EXPECT_EQ(names_in("/run/bpf"), std::set<std::string>{});
}

TEST_F(BpffsTest, MountsOnTheEmptyPlaceOfAFreshSysfs) {
  ASSERT_EQ(mount("sysfs", "/sys", "sysfs", 0, nullptr), 0);
  ASSERT_FALSE(is_bpffs("/sys/fs/bpf"));
  {
    const auto bpffs = Bpffs::open("/sys/fs/bpf/turnpike");
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_TRUE(bpffs->mounted_by_us());
    EXPECT_TRUE(is_bpffs("/sys/fs/bpf"));
    pin_a_map("/sys/fs/bpf/turnpike/map-one");
  }
  EXPECT_FALSE(is_bpffs("/sys/fs/bpf"));
}

TEST_F(BpffsTest, HasOneOwner) {
  const auto first = Bpffs::open("/run/tp");
  ASSERT_TRUE(first) << first.error().message;
  pin_a_map("/run/tp/map-one");
  const auto second = Bpffs::open("/run/tp");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  EXPECT_TRUE(fs::exists("/run/tp/map-one"));
}

TEST_F(BpffsTest, MountsOverNothingThatHoldsFiles) {
  fs::create_directory("/run/full");
  std::ofstream("/run/full/file") << "kept";
  const auto bpffs = Bpffs::open("/run/full");
  ASSERT_FALSE(bpffs);
  EXPECT_EQ(bpffs.error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(fs::exists("/run/full/file"));
}

}  // namespace
}  // namespace turnpike::fastpath
