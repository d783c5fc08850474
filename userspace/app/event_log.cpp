// SPDX-License-Identifier: Apache-2.0
#include "app/event_log.h"

#include <spdlog/spdlog.h>

#include "app/reasons.h"

namespace turnpike::app {

namespace {

const char* verb(turn::Event::Kind kind) {
  switch (kind) {
    case turn::Event::Kind::kAllocated:
      return "allocated";
    case turn::Event::Kind::kExpired:
      return "expired";
    case turn::Event::Kind::kDeleted:
      return "deleted";
    case turn::Event::Kind::kRefused:
      return "refused";
    case turn::Event::Kind::kLimited:
      return "limited";
  }
  return "unknown event";
}

}  // namespace

std::string describe(const turn::Event& event, bool with_addresses) {
  std::string text = verb(event.kind);
  if (event.allocation.value != 0) text += " " + event.allocation.to_string();
  if (event.kind == turn::Event::Kind::kRefused)
    text += " " + std::to_string(static_cast<unsigned>(event.code)) + ": " + event.reason;
  if (event.kind == turn::Event::Kind::kLimited) text += std::string(": ") + event.reason;
  if (!with_addresses) return text;
  if (!event.username.empty()) text += ", user " + event.username;
  return text + ", " + event.five_tuple.to_string();
}

void log_event(const turn::Event& event, bool with_addresses) {
  if (spdlog::should_log(spdlog::level::debug)) spdlog::debug("{}", describe(event, with_addresses));
}

void log_limit(const tp_event& event, LogLimit& limit) {
  if (event.reason >= kReasons.size()) return;
  const auto held_back = limit.admit(read_clocks().monotonic);
  if (!held_back) return;
  spdlog::info("allocation {}: packets dropped, {} ({} more like it)",
               AllocationId{event.allocation}.to_string(), kReasons[event.reason].meaning, *held_back);
}

}  // namespace turnpike::app
