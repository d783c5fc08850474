// SPDX-License-Identifier: Apache-2.0
#include "app/report_blocks.h"

#include <algorithm>

namespace turnpike::app {
namespace {

using admin::Json;

constexpr Seconds kLongestBlock{std::chrono::hours(24 * 366)};

Json row_of(const Prefix& prefix, std::optional<WallTime> expires, const Now& now) {
  Json row = {{"prefix", prefix.to_string()}};
  if (!expires) return row;
  row["expires"] = expires->time_since_epoch().count();
  row["expires_in_s"] = std::max<int64_t>(0, (*expires - now.wall).count());
  return row;
}

}  // namespace

Result<Json> block(Blocks& blocks, const std::string& prefix, std::optional<int64_t> seconds,
                   const Now& now) {
  const auto source = Prefix::parse(prefix);
  if (!source) return forward(source);
  if (seconds && (*seconds < 1 || *seconds > kLongestBlock.count()))
    return fail(ErrorCode::kInvalid, "duration: expected 1 to " + std::to_string(kLongestBlock.count()) +
                                         " seconds, got " + std::to_string(*seconds));
  const auto duration = seconds ? std::optional(Seconds(*seconds)) : std::nullopt;
  if (auto done = blocks.block(*source, duration, now); !done) return forward(done);
  return row_of(*source, duration ? std::optional(now.wall + *duration) : std::nullopt, now);
}

Result<Json> unblock(Blocks& blocks, const std::string& prefix) {
  const auto source = Prefix::parse(prefix);
  if (!source) return forward(source);
  const auto was_blocked = blocks.unblock(*source);
  if (!was_blocked) return forward(was_blocked);
  if (!*was_blocked)
    return fail(ErrorCode::kNotFound,
                source->to_string() + " is not blocked; turnpikectl blocked lists what is");
  return Json{{"prefix", source->to_string()}};
}

Json blocked_report(const Blocks& blocks, const Now& now) {
  Json rows = Json::array();
  for (const Blocks::Entry& entry : blocks.list())
    rows.push_back(row_of(entry.source, entry.expires, now));
  return rows;
}

}  // namespace turnpike::app
