// SPDX-License-Identifier: Apache-2.0
#include "app/report.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "app/doctor.h"
#include "app/report_counters.h"
#include "app/report_sessions.h"
#include "app/report_totals.h"
#include "auth/credentials.h"
#include "util/credential_limits.h"

namespace turnpike::app {
namespace {

using admin::Json;

constexpr Seconds kDefaultLifetime{std::chrono::hours(24)};
constexpr Seconds kMaxLifetime{std::chrono::hours(24 * 366)};

// The kinds of arguments that verbs take; Json::exception, which the control server answers, when a value is
// of another type.
Result<void> check_args(const Json& args, const std::set<std::string_view>& known) {
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

// The address by which clients reach a listening endpoint: behind a 1:1 NAT not the interface's.
Endpoint as_clients_see(const RelayView& relay, Endpoint endpoint) {
  for (const turn::RelayAddress& address : relay.relay_addresses)
    if (address.local == endpoint.address) endpoint.address = address.external;
  return endpoint;
}

Json turn_uris(const RelayView& relay) {
  Json uris = Json::array();
  for (const Endpoint& endpoint : relay.listening)
    uris.push_back("turn:" + as_clients_see(relay, endpoint).to_string() + "?transport=udp");
  return uris;
}

size_t ports_in_use(const RelayView& relay) {
  size_t used = 0;
  const turn::PortRange range = relay.relay_ports.range();
  for (const turn::RelayAddress& address : relay.relay_addresses)
    for (unsigned port = range.first; port <= range.last; ++port)
      if (relay.relay_ports.owned({address.local, static_cast<uint16_t>(port)})) ++used;
  return used;
}

Json relay_json(const RelayView& relay) {
  const turn::PortRange range = relay.relay_ports.range();
  Json addresses = Json::array();
  for (const turn::RelayAddress& address : relay.relay_addresses)
    addresses.push_back({{"local", address.local.to_string()}, {"external", address.external.to_string()}});
  const size_t all = (static_cast<size_t>(range.last) - range.first + 1) * relay.relay_addresses.size();
  return {{"addresses", std::move(addresses)},
          {"first_port", range.first},
          {"last_port", range.last},
          {"ports_in_use", ports_in_use(relay)},
          {"ports", all}};
}

Json interfaces_json(const fastpath::FastPath& fast_path) {
  Json rows = Json::array();
  for (const fastpath::InterfaceStatus& interface : fast_path.interfaces())
    rows.push_back({{"name", interface.name},
                    {"mode", fastpath::to_string(interface.mode)},
                    {"driver", interface.driver},
                    {"reason", interface.reason},
                    {"remedy", interface.remedy}});
  return rows;
}

Json drops_of(const RelayView& relay, bool all) {
  return drops_report(relay.fast_path.reasons(), gather_totals(relay), all);
}

}  // namespace

Json status_report(const RelayView& relay, const Now& now) {
  const auto uptime = std::chrono::floor<std::chrono::seconds>(now.monotonic - relay.started);
  Json listening = Json::array();
  for (const Endpoint& endpoint : relay.listening)
    listening.push_back(endpoint.to_string());
  Json json = {{"version", relay.version},
               {"uptime_s", uptime.count()},
               {"started", relay.started_wall.time_since_epoch().count()},
               {"realm", relay.config.realm},
               {"listening", std::move(listening)},
               {"relay", relay_json(relay)},
               {"fast_path", relay.fast_path_summary},
               {"interfaces", interfaces_json(relay.fast_path)}};
  json.update(stats_report(relay.fast_path.reasons(), gather_totals(relay)));
  return json;
}

Result<Json> credentials_report(const RelayView& relay, const std::string& id, Seconds lifetime,
                                const Now& now) {
  if (relay.credential_secret.empty())
    return fail(ErrorCode::kUnsupported,
                "the relay knows named users only ([auth] users); for temporary credentials give it "
                "[auth] secrets");
  if (lifetime < Seconds(1) || lifetime > kMaxLifetime)
    return fail(ErrorCode::kInvalid, "lifetime: expected 1 to " + std::to_string(kMaxLifetime.count()) +
                                         " seconds, got " + std::to_string(lifetime.count()));
  const auto made = auth::make_temporary_credentials(relay.credential_secret, id, lifetime, now.wall);
  if (!is_well_formed_username(made.username))
    return fail(ErrorCode::kInvalid,
                "id: expected text without control characters, at most 508 bytes together with the expiry");
  return Json{{"username", made.username},
              {"password", made.password},
              {"expires", made.expires.time_since_epoch().count()},
              {"lifetime_s", lifetime.count()},
              {"realm", relay.config.realm},
              {"uris", turn_uris(relay)}};
}

void register_verbs(admin::ControlServer& server, const RelayView& relay) {
  const auto add = [&server](const char* verb, std::set<std::string_view> known, admin::Handler handler) {
    server.handle(verb,
                  [known = std::move(known), handler = std::move(handler)](const Json& args) -> Result<Json> {
                    if (auto checked = check_args(args, known); !checked) return forward(checked);
                    return handler(args);
                  });
  };
  add("status", {}, [&relay](const Json&) { return status_report(relay, read_clocks()); });
  add("stats", {},
      [&relay](const Json&) { return stats_report(relay.fast_path.reasons(), gather_totals(relay)); });
  add("drops", {"all"}, [&relay](const Json& args) { return drops_of(relay, args.value("all", false)); });
  add("sessions", {}, [&relay](const Json&) {
    const Now now = read_clocks();
    return sessions_report(gather_sessions(relay, now), relay.fast_path, now);
  });
  add("show", {"id"}, [&relay](const Json& args) {
    const Now now = read_clocks();
    return show_report(gather_sessions(relay, now), args.value("id", std::string()), relay.fast_path, now);
  });
  add("credentials", {"id", "lifetime"}, [&relay](const Json& args) {
    return credentials_report(relay, args.value("id", std::string()),
                              Seconds(args.value("lifetime", kDefaultLifetime.count())), read_clocks());
  });
  add("doctor", {}, [&relay](const Json&) { return to_json(examine(relay, read_clocks())); });
}

}  // namespace turnpike::app
