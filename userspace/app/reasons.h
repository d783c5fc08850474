// SPDX-License-Identifier: Apache-2.0
//
// What the kernel's reasons are called and mean, from TP_REASONS in bpf/abi.h.
#pragma once

#include <array>
#include <string_view>

#include "bpf/abi.h"

namespace turnpike::app {

struct Reason {
  std::string_view verdict;  // "relayed", "answered", "passed": not lost, "dropped"
  std::string_view name;     // "relayed_to_peer"
  std::string_view meaning;
};

constexpr std::string_view verdict_of(std::string_view enumerator) {
  if (enumerator.starts_with("RELAYED_")) return "relayed";
  if (enumerator.starts_with("ANSWERED_")) return "answered";
  return enumerator.starts_with("PASS_") ? "passed" : "dropped";
}

// By enum tp_reason.
inline constexpr std::array<Reason, TP_REASON_COUNT> kReasons = {{
#define TP_REASON_ROW(name, text, meaning) {verdict_of(#name), text, meaning},
    TP_REASONS(TP_REASON_ROW)
#undef TP_REASON_ROW
}};

}  // namespace turnpike::app
