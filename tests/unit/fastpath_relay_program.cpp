// SPDX-License-Identifier: Apache-2.0
#include "fastpath/relay_program.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include <thread>

#include "fastpath/bpffs.h"
#include "unit/xdp_fixture.h"

namespace turnpike::fastpath {
namespace {

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

TEST_F(XdpTest, VerifierRefusalComesWithItsLog) {
  const auto bpffs = Bpffs::open(kPins);
  ASSERT_TRUE(bpffs) << bpffs.error().message;
  std::thread([&] {
    lower_trust();
    const auto refused = RelayProgram::load(options_, bpffs->directory());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(refused.error().message.find("the kernel refused the XDP program"), std::string::npos);
    EXPECT_NE(refused.error().message.find("pointer"), std::string::npos) << refused.error().message;
    EXPECT_NE(refused.error().message.find("processed "), std::string::npos) << refused.error().message;
  }).join();
  for (const auto& entry : std::filesystem::directory_iterator(kPins))
    EXPECT_FALSE(entry.path().filename().string().starts_with("map-")) << entry.path() << " stays pinned";
}

}  // namespace
}  // namespace turnpike::fastpath
