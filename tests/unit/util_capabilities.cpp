// SPDX-License-Identifier: Apache-2.0
#include "util/capabilities.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace turnpike {
namespace {

// Capabilities belong to a thread: what this one drops, the others keep.
void drop(std::initializer_list<unsigned> capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  ASSERT_EQ(syscall(SYS_capget, &header, sets.data()), 0);
  for (const unsigned each : capabilities)
    sets[each / 32].effective &= ~(1u << each % 32);
  ASSERT_EQ(syscall(SYS_capset, &header, sets.data()), 0);
}

TEST(Capabilities, AreEnoughForRoot) {
  EXPECT_TRUE(check_capabilities());
}

TEST(Capabilities, ThatAreMissingAreNamed) {
  std::thread([] {
    drop({CAP_BPF, CAP_PERFMON});
    EXPECT_TRUE(check_capabilities()) << "CAP_SYS_ADMIN stands for both";
    drop({CAP_SYS_ADMIN});
    const auto without_bpf = check_capabilities();
    ASSERT_FALSE(without_bpf);
    EXPECT_EQ(without_bpf.error().code, ErrorCode::kPermission);
    EXPECT_NE(without_bpf.error().message.find("missing: CAP_PERFMON, CAP_BPF;"), std::string::npos)
        << without_bpf.error().message;
    drop({CAP_NET_ADMIN});
    EXPECT_EQ(missing_capabilities(effective_capabilities()), "CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF");
  }).join();
}

}  // namespace
}  // namespace turnpike
