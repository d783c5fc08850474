// SPDX-License-Identifier: Apache-2.0
//
// Finds what a misspelt name was meant to be.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike::config {

// The candidate with the fewest edits from `word`, when these are at most a third of its length plus one.
// A swap of neighbours is one edit.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace turnpike::config
