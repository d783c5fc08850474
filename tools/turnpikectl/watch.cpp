// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/watch.h"

#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "turnpikectl/interrupt.h"
#include "turnpikectl/table.h"
#include "turnpikectl/units.h"

namespace turnpike::ctl {
namespace {

using Clock = std::chrono::steady_clock;

std::string text(const Json& row, const char* key) {
  return row.at(key).get<std::string>();
}

// Below ten a second with one digit after the point.
std::string format_rate(double rate) {
  if (rate >= 9.95) return format_count(static_cast<uint64_t>(std::llround(rate)));
  char digits[16];
  (void)std::snprintf(digits, sizeof(digits), "%.1f", rate);
  return digits;
}

// nullopt after the error was printed. Each time anew: the relay ends connections that are long silent.
std::optional<Json> ask_drops(const Context& context, int& status) {
  auto client = connect(context);
  if (!client) {
    status = kNoRelay;
    return std::nullopt;
  }
  auto answer = client->ask({.verb = "drops"});
  if (answer) return std::move(*answer);
  print_error(answer.error().message);
  status = kRefused;
  return std::nullopt;
}

}  // namespace

Json moved_rows(const Json& before, const Json& after, std::chrono::duration<double> time) {
  std::map<std::pair<std::string, std::string>, uint64_t> counts;
  for (const Json& row : before)
    counts[{text(row, "path"), text(row, "reason")}] = row.at("packets").get<uint64_t>();
  Json rows = Json::array();
  for (const Json& row : after) {
    const auto now = row.at("packets").get<uint64_t>();
    const uint64_t then = counts[{text(row, "path"), text(row, "reason")}];
    if (now == then) continue;
    const uint64_t came = now > then ? now - then : now;
    rows.push_back({{"path", row.at("path")},
                    {"verdict", row.at("verdict")},
                    {"reason", row.at("reason")},
                    {"packets", came},
                    {"packets_per_s", static_cast<double>(came) / time.count()},
                    {"meaning", row.at("meaning")}});
  }
  return rows;
}

std::string render_moved(const Json& rows, int64_t unix_seconds) {
  if (rows.empty()) return format_utc(unix_seconds) + ": nothing moved\n";
  Table table({{"path"},
               {"verdict"},
               {"reason"},
               {"packets", Align::kRight},
               {"a second", Align::kRight},
               {"meaning"}},
              2);
  for (const Json& row : rows)
    table.add({text(row, "path") == "fast" ? "kernel" : "userspace", text(row, "verdict"),
               text(row, "reason"), format_count(row.at("packets").get<uint64_t>()),
               format_rate(row.at("packets_per_s").get<double>()), text(row, "meaning")});
  return format_utc(unix_seconds) + "\n" + table.to_string();
}

int run_watch(const Context& context, std::chrono::milliseconds interval) {
  const Interrupt interrupt;
  int status = kOk;
  auto before = ask_drops(context, status);
  auto asked = Clock::now();
  try {
    while (before && !interrupt.wait(interval)) {
      auto after = ask_drops(context, status);
      if (!after) break;
      const auto now = Clock::now();
      const std::chrono::duration<double> time = now - asked;
      const Json rows = moved_rows(*before, *after, time);
      const auto wall = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
      if (context.json) {
        print_json_line({{"time", wall}, {"interval_s", time.count()}, {"rows", rows}});
      } else {
        print_text(render_moved(rows, wall));
        (void)std::fflush(stdout);
      }
      before = std::move(after);
      asked = now;
    }
  } catch (const Json::exception& unexpected) {
    print_unexpected("drops", unexpected);
    return kRefused;
  }
  return status;
}

}  // namespace turnpike::ctl
