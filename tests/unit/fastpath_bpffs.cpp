// SPDX-License-Identifier: Apache-2.0
#include "fastpath/bpffs.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <filesystem>
#include <fstream>

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

class BpffsTest : public TestNetwork {};

TEST_F(BpffsTest, MountsWhereThereIsNoneAndUnmounts) {
  {
    const auto bpffs = Bpffs::open("/run/tp/pins");
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_TRUE(bpffs->mounted_by_us());
    EXPECT_TRUE(is_bpffs("/run/tp/pins"));
    EXPECT_EQ(bpffs->removed_stale(), 0u);
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

TEST_F(BpffsTest, RemovesPinsOfAnEarlierRunButNothingElse) {
  fs::create_directory("/run/bpf");
  ASSERT_EQ(mount("bpf", "/run/bpf", "bpf", 0, nullptr), 0);
  fs::create_directory("/run/bpf/turnpike");
  pin_a_map("/run/bpf/turnpike/map-one");
  pin_a_map("/run/bpf/turnpike/another");
  {
    const auto bpffs = Bpffs::open("/run/bpf/turnpike");
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    EXPECT_EQ(bpffs->removed_stale(), 1u);
    EXPECT_FALSE(fs::exists("/run/bpf/turnpike/map-one"));
  }
  EXPECT_TRUE(fs::exists("/run/bpf/turnpike/another"));
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
