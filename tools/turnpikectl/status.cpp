// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/status.h"

#include <algorithm>

#include "turnpikectl/counters.h"
#include "turnpikectl/table.h"
#include "turnpikectl/units.h"

namespace turnpike::ctl {
namespace {

std::string text(const Json& object, const char* key) {
  return object.at(key).get<std::string>();
}
uint64_t number(const Json& object, const char* key) {
  return object.at(key).get<uint64_t>();
}

// Two columns; a label stands on the first of its lines only.
class Lines {
 public:
  void add(const std::string& label, const std::string& line) {
    table_.add({label == last_ ? "" : label, line});
    last_ = label;
  }
  std::string to_string() const { return table_.to_string(); }

 private:
  Table table_ = Table::plain(2, 2);
  std::string last_;
};

void add_relay(Lines& lines, const Json& relay) {
  for (const Json& address : relay.at("addresses")) {
    const std::string local = text(address, "local");
    const std::string external = text(address, "external");
    lines.add("relay", local == external ? local : external + " (here " + local + ")");
  }
  lines.add("relay", "ports " + std::to_string(number(relay, "first_port")) + "-" +
                         std::to_string(number(relay, "last_port")) + ", " +
                         format_count(number(relay, "ports_in_use")) + " of " +
                         format_count(number(relay, "ports")) + " in use");
}

std::string joined(const Json& names) {
  std::string list;
  for (const Json& name : names)
    list += (list.empty() ? "" : ", ") + name.get<std::string>();
  return list;
}

void add_fast_path(Lines& lines, const Json& status) {
  const Json& interfaces = status.at("interfaces");
  if (interfaces.empty()) lines.add("fast path", text(status, "fast_path"));
  for (const Json& interface : interfaces) {
    const std::string driver = text(interface, "driver");
    const std::string reason = text(interface, "reason");
    const std::string remedy = text(interface, "remedy");
    lines.add("fast path", text(interface, "name") + " " + text(interface, "mode") +
                               (driver.empty() ? "" : " (" + driver + ")") +
                               (reason.empty() ? "" : ": " + reason));
    if (const std::string vlans = joined(interface.at("vlans")); !vlans.empty())
      lines.add("fast path", "  VLANs: " + vlans);
    if (!remedy.empty()) lines.add("fast path", "  better: " + remedy);
  }
}

void add_tables(Lines& lines, const Json& tables) {
  for (const Json& table : tables) {
    const uint64_t refused = number(table, "refused");
    lines.add("tables", text(table, "name") + " " + format_count(number(table, "used")) + " of " +
                            format_count(number(table, "size")) +
                            (refused == 0 ? "" : " (" + format_count(refused) + " found it full)"));
  }
}

void add_rates(Lines& lines, const Json& rates) {
  for (const char* who : {"allocation", "user"}) {
    const Json& rate = rates.at(who);
    std::string list;
    const auto add = [&list, &rate](const char* key, const char* unit, auto format) {
      if (const uint64_t value = number(rate, key); value > 0)
        list += (list.empty() ? "" : ", ") + format(value) + unit;
    };
    add("bytes_per_second", "/s", format_bytes);
    add("packets_per_second", " packets/s", format_count);
    add("quota_bytes", " in all", format_bytes);
    if (!list.empty()) lines.add("limits", std::string("each ") + who + ": " + list);
  }
}

std::string workers_line(const Json& workers) {
  const auto running = static_cast<size_t>(std::count_if(
      workers.begin(), workers.end(), [](const Json& row) { return row.at("running").get<bool>(); }));
  if (running == workers.size()) return std::to_string(running) + (running == 1 ? " runs" : " run");
  return std::to_string(running) + " of " + std::to_string(workers.size()) +
         " run; the others have stopped: turnpikectl doctor";
}

}  // namespace

std::string render_status(const Json& status) {
  Lines lines;
  for (const Json& endpoint : status.at("listening"))
    lines.add("listening", endpoint.get<std::string>() + " udp");
  lines.add("realm", text(status, "realm"));
  add_relay(lines, status.at("relay"));
  add_fast_path(lines, status);
  lines.add("workers", workers_line(status.at("workers")));
  lines.add("holds", format_plural(number(status, "allocations"), "allocation") + ", " +
                         format_plural(number(status, "permissions"), "permission") + ", " +
                         format_plural(number(status, "channels"), "channel"));
  if (const uint64_t sessions = number(status, "taken_over"); sessions > 0)
    lines.add("holds", format_plural(sessions, "session") + " went on at this start");
  add_tables(lines, status.at("tables"));
  add_rates(lines, status.at("rates"));
  if (const uint64_t blocked = number(status, "blocked"); blocked > 0)
    lines.add("blocked", format_plural(blocked, "source") + ": turnpikectl blocked");
  return "turnpike " + text(status, "version") + ", up " +
         format_duration(status.at("uptime_s").get<int64_t>()) + " (since " +
         format_utc(status.at("started").get<int64_t>()) + ")\n\n" + lines.to_string() + "\n" +
         render_relayed(status.at("relayed"));
}

int run_status(const Context& context) {
  return ask_and_print(context, {.verb = "status"}, render_status);
}

}  // namespace turnpike::ctl
