// SPDX-License-Identifier: Apache-2.0
#include "app/report.h"

#include "app/report_counters.h"
#include "auth/credentials.h"
#include "util/credential_limits.h"

namespace turnpike::app {
namespace {

using admin::Json;

constexpr Seconds kMaxLifetime{std::chrono::hours(24 * 366)};

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
                    {"remedy", interface.remedy},
                    {"vlans", interface.vlans}});
  return rows;
}

Json tables_json(const fastpath::FastPath& fast_path) {
  Json rows = Json::array();
  for (const fastpath::TableUse& table : fast_path.tables())
    rows.push_back(
        {{"name", table.name}, {"used", table.used}, {"size", table.size}, {"refused", table.refused}});
  return rows;
}

// 0: no limit.
Json rates_json(const config::Limits& limits) {
  return {{"allocation",
           {{"bytes_per_second", limits.allocation_bytes_per_second},
            {"packets_per_second", limits.allocation_packets_per_second},
            {"quota_bytes", limits.allocation_quota_bytes}}},
          {"user",
           {{"bytes_per_second", limits.user_bytes_per_second},
            {"packets_per_second", limits.user_packets_per_second},
            {"quota_bytes", limits.user_quota_bytes}}},
          {"burst_ms", limits.burst.count()},
          {"source_requests_per_second", limits.source_requests_per_second},
          {"source_requests_burst", limits.source_requests_burst}};
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
               {"interfaces", interfaces_json(relay.fast_path)},
               {"rates", rates_json(relay.config.limits)}};
  json.update(stats_report(relay, gather_totals(relay)));
  return json;
}

Json stats_report(const RelayView& relay, const RelayTotals& totals) {
  Json json = counters_report(relay.fast_path.reasons(), totals);
  json["tables"] = tables_json(relay.fast_path);
  json["taken_over"] = relay.taken_over;
  json["blocked"] = relay.blocks.list().size();
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

}  // namespace turnpike::app
