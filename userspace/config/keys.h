// SPDX-License-Identifier: Apache-2.0
//
// The table of all keys a configuration file may have.
#pragma once

#include <span>
#include <string_view>

#include "config/readers.h"

namespace turnpike::config {

struct Key {
  std::string_view table;  // "" is the top level
  std::string_view name;
  Reader read;
};

std::span<const Key> all_keys();

}  // namespace turnpike::config
