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

}  // namespace turnpike::fastpath
