// SPDX-License-Identifier: Apache-2.0
#include "fastpath/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace turnpike::fastpath {

Result<void> check_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return fail_errno(errno, "reading the capabilities");
  const auto has = [&](unsigned capability) {
    return (sets[capability / 32].effective & (1u << capability % 32)) != 0;
  };
  std::string missing;
  // CAP_SYS_ADMIN stands for CAP_BPF, which came out of it in Linux 5.8.
  if (!has(CAP_BPF) && !has(CAP_SYS_ADMIN)) missing += " CAP_BPF";
  if (!has(CAP_NET_ADMIN)) missing += " CAP_NET_ADMIN";
  if (missing.empty()) return {};
  return fail(ErrorCode::kPermission, "the fast path needs CAP_BPF and CAP_NET_ADMIN; missing:" + missing +
                                          ". Run as root or give the service AmbientCapabilities=CAP_BPF "
                                          "CAP_NET_ADMIN");
}

}  // namespace turnpike::fastpath
