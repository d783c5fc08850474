// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/blocks.h"

#include "turnpikectl/table.h"
#include "turnpikectl/units.h"

namespace turnpike::ctl {
namespace {

// "until 2026-01-31 12:00:00 UTC"
std::string until(const Json& block) {
  const auto expires = block.find("expires");
  return expires == block.end() ? "until it is unblocked" : "until " + format_utc(expires->get<int64_t>());
}

}  // namespace

std::string render_block(const Json& block) {
  return "blocked " + block.at("prefix").get<std::string>() + " " + until(block) + "\n";
}

std::string render_unblock(const Json& block) {
  return "unblocked " + block.at("prefix").get<std::string>() + "\n";
}

std::string render_blocked(const Json& rows) {
  if (rows.empty()) return "nothing is blocked\n";
  Table table({{"source"}, {"ends in", Align::kRight}, {""}});
  for (const Json& row : rows) {
    const auto left = row.find("expires_in_s");
    table.add({row.at("prefix").get<std::string>(),
               left == row.end() ? "-" : format_duration(left->get<int64_t>()), until(row)});
  }
  return table.to_string();
}

int run_block(const Context& context, const std::string& prefix, std::optional<int64_t> seconds) {
  admin::Request request{.verb = "block", .args = {{"prefix", prefix}}};
  if (seconds) request.args["seconds"] = *seconds;
  return ask_and_print(context, request, render_block);
}

int run_unblock(const Context& context, const std::string& prefix) {
  return ask_and_print(context, {.verb = "unblock", .args = {{"prefix", prefix}}}, render_unblock);
}

int run_blocked(const Context& context) {
  return ask_and_print(context, {.verb = "blocked"}, render_blocked);
}

}  // namespace turnpike::ctl
