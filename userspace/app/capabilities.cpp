// SPDX-License-Identifier: Apache-2.0
#include "app/capabilities.h"

#include <sys/capability.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>

namespace turnpike::app {

Result<void> check_capabilities() {
  struct Need {
    cap_value_t capability;
    const char* name;
  };
  constexpr std::array kNeeds = {Need{CAP_BPF, "CAP_BPF"}, Need{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
                                 Need{CAP_NET_RAW, "CAP_NET_RAW"}};
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> own(cap_get_proc(), cap_free);
  if (!own) return fail_errno(errno, "cap_get_proc");
  std::string missing;
  for (const Need& need : kNeeds) {
    cap_flag_value_t value = CAP_CLEAR;
    (void)cap_get_flag(own.get(), need.capability, CAP_EFFECTIVE, &value);
    if (value == CAP_CLEAR) missing += (missing.empty() ? "" : ", ") + std::string(need.name);
  }
  if (missing.empty()) return {};
  return fail(ErrorCode::kPermission,
              "expected CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW, missing: " + missing +
                  "; start it with sudo, or once `sudo setcap cap_bpf,cap_net_admin,cap_net_raw+ep "
                  "$(command -v turnpiked)`");
}

}  // namespace turnpike::app
