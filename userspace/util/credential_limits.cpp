// SPDX-License-Identifier: Apache-2.0
#include "util/credential_limits.h"

#include <algorithm>
#include <cstdint>

namespace turnpike {

bool is_well_formed_username(std::string_view username) {
  if (username.empty() || username.size() > kMaxUsername) return false;
  uint8_t previous = 0;
  return std::all_of(username.begin(), username.end(), [&previous](char character) {
    const auto byte = static_cast<uint8_t>(character);
    const bool c1 = previous == 0xC2 && byte < 0xA0;  // U+0080-U+009F in UTF-8
    previous = byte;
    return byte >= 0x20 && byte != 0x7F && !c1;
  });
}

}  // namespace turnpike
