// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/sessions.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "turnpikectl/table.h"
#include "turnpikectl/units.h"

namespace turnpike::ctl {
namespace {

constexpr size_t kShortestId = 8;
constexpr size_t kWholeId = 16;

std::string text(const Json& object, const char* key) {
  return object.at(key).get<std::string>();
}
std::string duration(const Json& object, const char* key) {
  return format_duration(object.at(key).get<int64_t>());
}

std::string traffic(const Json& count) {
  const auto packets = count.at("packets").get<uint64_t>();
  if (packets == 0) return "-";
  return format_count(packets) + " / " + format_bytes(count.at("bytes").get<uint64_t>());
}

// How many digits tell these sessions apart.
size_t id_length(const Json& rows) {
  for (size_t length = kShortestId; length < kWholeId; ++length) {
    std::set<std::string> seen;
    for (const Json& row : rows)
      seen.insert(text(row, "id").substr(0, length));
    if (seen.size() == rows.size()) return length;
  }
  return kWholeId;
}

// Rows of channels or permissions, of which `columns` say what, and for how long.
std::string render_carried(const Json& rows, std::vector<Column> columns, std::vector<const char*> keys) {
  for (const char* header : {"to peer", "to client", "why not the kernel"})
    columns.push_back({header});
  Table table(std::move(columns), 2);
  for (const Json& row : rows) {
    const auto path = [&row](const char* key) {
      return std::string(text(row, key) == "fast" ? "kernel" : "userspace");
    };
    std::vector<std::string> cells;
    for (const char* key : keys)
      cells.push_back(text(row, key));
    cells.push_back(duration(row, "expires_in_s"));
    std::vector<std::string> advice(cells.size() + 2);
    for (std::string cell : {path("to_peer"), path("to_client"), text(row, "reason")})
      cells.push_back(std::move(cell));
    table.add(std::move(cells));
    if (const std::string remedy = text(row, "remedy"); !remedy.empty()) {
      advice.push_back("-> " + remedy);
      table.add(std::move(advice));
    }
  }
  return table.to_string();
}

}  // namespace

std::string render_sessions(const Json& rows) {
  if (rows.empty()) return "no sessions\n";
  const size_t length = id_length(rows);
  Table table({{"id"},
               {"user"},
               {"client"},
               {"relayed"},
               {"ends in", Align::kRight},
               {"ch", Align::kRight},
               {"perm", Align::kRight},
               {"kernel", Align::kRight},
               {"userspace", Align::kRight},
               {"path"}});
  for (const Json& row : rows)
    table.add({text(row, "id").substr(0, length), text(row, "user"), text(row, "client"),
               text(row, "relayed"), duration(row, "expires_in_s"),
               std::to_string(row.at("channels").get<uint64_t>()),
               std::to_string(row.at("permissions").get<uint64_t>()), traffic(row.at("fast")),
               traffic(row.at("slow")), text(row, "path")});
  return table.to_string() + format_plural(rows.size(), "session") + "\n";
}

std::string render_session(const Json& session) {
  Table table = Table::plain(2, 2);
  table.add({"user", text(session, "user")});
  table.add({"client",
             text(session, "client") + " " + text(session, "transport") + " at " + text(session, "server")});
  table.add({"relayed", text(session, "relayed")});
  table.add({"age", duration(session, "age_s") + ", ends in " + duration(session, "expires_in_s")});

  if (session.at("refused").at("packets").get<uint64_t>() > 0)
    table.add({"limits", "refused " + traffic(session.at("refused")) + " in the kernel"});

  Table relayed({{"relayed by"}, {"to peers", Align::kRight}, {"to the client", Align::kRight}}, 2);
  for (const auto& [name, key] : {std::pair("kernel", "fast"), std::pair("userspace", "slow")})
    relayed.add({name, traffic(session.at(key).at("to_peer")), traffic(session.at(key).at("to_client"))});

  std::string page = "session " + text(session, "id") + " (" + text(session, "path") + ")\n\n" +
                     table.to_string() + "\n" + relayed.to_string();
  const Column ends{"ends in", Align::kRight};
  if (!session.at("permissions").empty())
    page += "\n" + render_carried(session.at("permissions"), {{"permission"}, ends}, {"peer"});
  if (!session.at("channels").empty())
    page += "\n" + render_carried(session.at("channels"), {{"channel"}, {"peer"}, ends}, {"channel", "peer"});
  return page;
}

int run_sessions(const Context& context) {
  return ask_and_print(context, {.verb = "sessions"}, render_sessions);
}

int run_show(const Context& context, const std::string& id) {
  return ask_and_print(context, {.verb = "show", .args = {{"id", id}}}, render_session);
}

}  // namespace turnpike::ctl
