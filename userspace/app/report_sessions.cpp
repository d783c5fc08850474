// SPDX-License-Identifier: Apache-2.0
#include "app/report_sessions.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>

#include "turn/address_translation.h"

namespace turnpike::app {
namespace {

using admin::Json;

constexpr size_t kMaxCandidates = 10;  // named in an error

int64_t seconds_until(MonotonicTime then, const Now& now) {
  return std::max<int64_t>(0, std::chrono::ceil<std::chrono::seconds>(then - now.monotonic).count());
}

const char* path_of(uint64_t fast, uint64_t slow) {
  if (fast + slow == 0) return "idle";
  const double share = static_cast<double>(fast) / static_cast<double>(fast + slow);
  if (share >= 0.99) return "fast";
  return share <= 0.01 ? "slow" : "mixed";
}

std::string hexadecimal(ChannelNumber channel) {
  char text[8];
  (void)std::snprintf(text, sizeof(text), "0x%04x", channel.value);
  return text;
}

Json count(const RelayCounters& counters) {
  return {{"packets", counters.to_peer_packets + counters.to_client_packets},
          {"bytes", counters.to_peer_bytes + counters.to_client_bytes},
          {"to_peer", {{"packets", counters.to_peer_packets}, {"bytes", counters.to_peer_bytes}}},
          {"to_client", {{"packets", counters.to_client_packets}, {"bytes", counters.to_client_bytes}}}};
}

Json row_of(const turn::SessionSnapshot& session, const fastpath::FastPath& fast_path, const Now& now) {
  const fastpath::FlowCounters kernel = fast_path.counters(session.id);
  Json fast = count(kernel.relayed);
  Json slow = count(session.counters);
  const char* path = path_of(fast["packets"].get<uint64_t>(), slow["packets"].get<uint64_t>());
  return {{"id", session.id.to_string()},
          {"user", session.username},
          {"client", session.five_tuple.client.to_string()},
          {"server", session.five_tuple.server.to_string()},
          {"transport", to_string(session.five_tuple.transport)},
          {"relayed", session.relayed.to_string()},
          {"expires_in_s", seconds_until(session.expires, now)},
          {"channels", session.channels.size()},
          {"permissions", session.permissions.size()},
          {"fast", std::move(fast)},
          {"slow", std::move(slow)},
          {"refused", {{"packets", kernel.refused_packets}, {"bytes", kernel.refused_bytes}}},
          {"path", path}};
}

Json carried(const fastpath::FlowStatus& status) {
  return {{"to_peer", status.fast_to_peer ? "fast" : "slow"},
          {"to_client", status.fast_to_client ? "fast" : "slow"},
          {"reason", status.reason},
          {"remedy", status.remedy}};
}

Json permission_row(const turn::SessionSnapshot& session, const turn::SessionSnapshot::Permission& permission,
                    const RelayView& relay, const Now& now) {
  Json row = {{"peer", permission.peer.to_string()},
              {"expires_in_s", seconds_until(permission.expires, now)}};
  row.update(carried(why_permitted(relay, session.id, permission.peer)));
  return row;
}

Json channel_row(const turn::SessionSnapshot& session, const turn::SessionSnapshot::Channel& channel,
                 const fastpath::FastPath& fast_path, const Now& now) {
  Json row = {{"channel", hexadecimal(channel.number)},
              {"peer", channel.peer.to_string()},
              {"expires_in_s", seconds_until(channel.expires, now)}};
  row.update(carried(fast_path.why(session.id, channel.number)));
  return row;
}

std::string candidates(const std::vector<const turn::SessionSnapshot*>& sessions) {
  std::string text;
  for (size_t i = 0; i < sessions.size() && i < kMaxCandidates; ++i)
    text += (i == 0 ? "" : ", ") + sessions[i]->id.to_string();
  if (sessions.size() > kMaxCandidates)
    text += " and " + std::to_string(sessions.size() - kMaxCandidates) + " more";
  return text;
}

}  // namespace

fastpath::FlowStatus why_permitted(const RelayView& relay, AllocationId id, const IpAddress& peer) {
  const Endpoint local = turn::AddressTranslation(relay.relay_addresses).to_local({peer, 0});
  return relay.fast_path.why_permitted(id, local.address);
}

Json sessions_report(const std::vector<turn::SessionSnapshot>& sessions, const fastpath::FastPath& fast_path,
                     const Now& now) {
  Json rows = Json::array();
  for (const turn::SessionSnapshot& session : sessions)
    rows.push_back(row_of(session, fast_path, now));
  return rows;
}

Result<const turn::SessionSnapshot*> find_session(const std::vector<turn::SessionSnapshot>& sessions,
                                                  std::string_view id) {
  std::string prefix(id);
  std::transform(prefix.begin(), prefix.end(), prefix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::vector<const turn::SessionSnapshot*> all;
  std::vector<const turn::SessionSnapshot*> found;
  for (const turn::SessionSnapshot& session : sessions) {
    all.push_back(&session);
    if (session.id.to_string().starts_with(prefix)) found.push_back(&session);
  }
  if (found.size() == 1 && !prefix.empty()) return found.front();
  if (all.empty()) return fail(ErrorCode::kNotFound, "session '" + prefix + "': the relay has no sessions");
  if (found.empty())
    return fail(ErrorCode::kNotFound,
                "session '" + prefix + "': expected the start of the id of one of these: " + candidates(all));
  return fail(ErrorCode::kInvalid, "session '" + prefix + "': expected the start of one id, it fits " +
                                       std::to_string(found.size()) + ": " + candidates(found));
}

Result<Json> show_report(const std::vector<turn::SessionSnapshot>& sessions, std::string_view id,
                         const RelayView& relay, const Now& now) {
  const auto found = find_session(sessions, id);
  if (!found) return forward(found);
  const turn::SessionSnapshot& session = **found;
  Json json = row_of(session, relay.fast_path, now);
  json["age_s"] = std::chrono::floor<std::chrono::seconds>(now.monotonic - session.created).count();
  json["permissions"] = Json::array();
  for (const auto& permission : session.permissions)
    json["permissions"].push_back(permission_row(session, permission, relay, now));
  json["channels"] = Json::array();
  for (const auto& channel : session.channels)
    json["channels"].push_back(channel_row(session, channel, relay.fast_path, now));
  return json;
}

}  // namespace turnpike::app
