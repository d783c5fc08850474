// SPDX-License-Identifier: Apache-2.0
#include "util/capabilities.h"

#include <sys/capability.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <type_traits>

namespace turnpike {
namespace {

constexpr std::array kNeeded = {CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_NET_RAW};

constexpr uint64_t bit(cap_value_t capability) {
  return uint64_t{1} << capability;
}

}  // namespace

uint64_t needed_capabilities() {
  uint64_t set = 0;
  for (const cap_value_t capability : kNeeded)
    set |= bit(capability);
  return set;
}

uint64_t effective_capabilities() {
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> own(cap_get_proc(), cap_free);
  uint64_t set = 0;
  for (cap_value_t capability = 0; own && capability <= CAP_LAST_CAP; ++capability) {
    cap_flag_value_t value = CAP_CLEAR;
    if (cap_get_flag(own.get(), capability, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET)
      set |= bit(capability);
  }
  return set;
}

std::string missing_capabilities(uint64_t effective) {
  if (effective & bit(CAP_SYS_ADMIN)) effective |= bit(CAP_BPF) | bit(CAP_PERFMON);
  return capability_names(needed_capabilities() & ~effective);
}

std::string capability_names(uint64_t set) {
  std::string names;
  for (cap_value_t capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (!(set & bit(capability))) continue;
    const std::unique_ptr<char, int (*)(void*)> name(cap_to_name(capability), cap_free);
    std::string upper = name ? name.get() : std::to_string(capability);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char letter) { return std::toupper(letter); });
    names += (names.empty() ? "" : ", ") + upper;
  }
  return names;
}

Result<void> check_capabilities() {
  const std::string missing = missing_capabilities(effective_capabilities());
  if (missing.empty()) return {};
  return fail(ErrorCode::kPermission, "expected " + capability_names(needed_capabilities()) + ", missing: " +
                                          missing + "; start it as root, by sudo for example");
}

}  // namespace turnpike
