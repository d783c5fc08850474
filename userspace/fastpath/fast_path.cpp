// SPDX-License-Identifier: Apache-2.0
#include "fastpath/fast_path.h"

namespace turnpike::fastpath {

const char* to_string(Mode mode) {
  switch (mode) {
    case Mode::kAuto:
      return "auto";
    case Mode::kNative:
      return "native";
    case Mode::kGeneric:
      return "generic";
    case Mode::kOff:
      return "off";
  }
  return "off";
}

const char* to_string(Admission admission) {
  switch (admission) {
    case Admission::kAdmitted:
      return "";
    case Admission::kAllocationRate:
      return "over the allocation's rate";
    case Admission::kUserRate:
      return "over the user's rate";
    case Admission::kAllocationQuota:
      return "the allocation's quota is used up";
    case Admission::kUserQuota:
      return "the user's quota is used up";
  }
  return "";
}

}  // namespace turnpike::fastpath
