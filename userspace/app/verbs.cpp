// SPDX-License-Identifier: Apache-2.0
#include "app/verbs.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "app/doctor.h"
#include "app/report.h"
#include "app/report_blocks.h"
#include "app/report_counters.h"
#include "app/report_sessions.h"
#include "app/report_totals.h"
#include "app/trace.h"

namespace turnpike::app {
namespace {

using admin::Json;
using Names = std::set<std::string_view>;

constexpr Seconds kDefaultLifetime{std::chrono::hours(24)};

// Values of another type than a verb takes are Json::exception, which the control server answers.
Result<void> check_args(const Json& args, const Names& known) {
  for (const auto& [key, value] : args.items()) {
    if (known.contains(key)) continue;
    std::string list;
    for (const std::string_view name : known)
      list += (list.empty() ? "" : ", ") + std::string(name);
    return fail(ErrorCode::kInvalid, "argument '" + key + "' is not known; expected " +
                                         (list.empty() ? "none" : "one of: " + list));
  }
  return {};
}

// `handler`, called only with arguments that it knows.
template <class Made, class... Arguments>
std::function<Result<Made>(const Json&, Arguments...)> checked(
    Names known, std::function<Result<Made>(const Json&, Arguments...)> handler) {
  return [known = std::move(known), handler = std::move(handler)](const Json& args,
                                                                  Arguments... more) -> Result<Made> {
    if (auto fine = check_args(args, known); !fine) return forward(fine);
    return handler(args, more...);
  };
}

std::string text(const Json& args, const char* key) {
  return args.value(key, std::string());
}

}  // namespace

void register_verbs(admin::ControlServer& server, const RelayView& relay) {
  const auto add = [&server](const char* verb, Names known, admin::Handler handler) {
    server.handle(verb, checked(std::move(known), std::move(handler)));
  };
  add("status", {}, [&relay](const Json&) { return status_report(relay, read_clocks()); });
  add("stats", {}, [&relay](const Json&) { return stats_report(relay, gather_totals(relay)); });
  add("drops", {"all"}, [&relay](const Json& args) {
    return drops_report(relay.fast_path.reasons(), gather_totals(relay), args.value("all", false));
  });
  add("sessions", {}, [&relay](const Json&) {
    const Now now = read_clocks();
    return sessions_report(gather_sessions(relay, now), relay.fast_path, now);
  });
  add("show", {"id"}, [&relay](const Json& args) {
    const Now now = read_clocks();
    return show_report(gather_sessions(relay, now), text(args, "id"), relay, now);
  });
  add("credentials", {"id", "lifetime"}, [&relay](const Json& args) {
    return credentials_report(relay, text(args, "id"),
                              Seconds(args.value("lifetime", kDefaultLifetime.count())), read_clocks());
  });
  add("doctor", {}, [&relay](const Json&) { return to_json(examine(relay, read_clocks())); });
  add("block", {"prefix", "seconds"}, [&relay](const Json& args) {
    const auto seconds = args.find("seconds");
    return block(relay.blocks, text(args, "prefix"),
                 seconds == args.end() ? std::nullopt : std::optional(seconds->get<int64_t>()),
                 read_clocks());
  });
  add("unblock", {"prefix"},
      [&relay](const Json& args) { return unblock(relay.blocks, text(args, "prefix")); });
  add("blocked", {}, [&relay](const Json&) { return blocked_report(relay.blocks, read_clocks()); });
  server.handle_stream("trace", checked({"id", "packets", "seconds", "rate"}, trace_verb(relay)));
}

}  // namespace turnpike::app
