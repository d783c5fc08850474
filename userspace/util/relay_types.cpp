// SPDX-License-Identifier: Apache-2.0
#include "util/relay_types.h"

#include <cstdio>

namespace turnpike {

std::string AllocationId::to_string() const {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace turnpike
