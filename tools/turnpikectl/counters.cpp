// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/counters.h"

#include <map>

#include "turnpikectl/table.h"
#include "turnpikectl/units.h"

namespace turnpike::ctl {
namespace {

uint64_t number(const Json& object, const char* key) {
  return object.at(key).get<uint64_t>();
}

std::string packets_of(const Json& count) {
  return format_count(number(count, "packets"));
}
std::string bytes_of(const Json& count) {
  return format_bytes(number(count, "bytes"));
}

void add_direction(Table& table, const char* name, const Json& relayed, const char* key) {
  const Json& fast = relayed.at("fast").at(key);
  const Json* const slow = relayed.at("slow").contains(key) ? &relayed.at("slow").at(key) : nullptr;
  table.add({name, packets_of(fast), bytes_of(fast), slow == nullptr ? "-" : packets_of(*slow),
             slow == nullptr ? "-" : bytes_of(*slow)});
}

}  // namespace

std::string render_relayed(const Json& relayed) {
  const uint64_t fast = number(relayed.at("fast"), "packets");
  const uint64_t slow = number(relayed.at("slow"), "packets");
  const auto share = [all = static_cast<double>(fast + slow)](uint64_t part) {
    return all == 0 ? std::string("-") : format_share(static_cast<double>(part) / all);
  };
  Table table(
      {{"relayed by"}, {"packets", Align::kRight}, {"bytes", Align::kRight}, {"share", Align::kRight}}, 2);
  table.add({"kernel", packets_of(relayed.at("fast")), bytes_of(relayed.at("fast")), share(fast)});
  table.add({"userspace", packets_of(relayed.at("slow")), bytes_of(relayed.at("slow")), share(slow)});
  return table.to_string();
}

std::string render_stats(const Json& stats) {
  const Json& relayed = stats.at("relayed");
  Table table({{"relayed"},
               {"kernel packets", Align::kRight},
               {"bytes", Align::kRight},
               {"userspace packets", Align::kRight},
               {"bytes", Align::kRight}});
  add_direction(table, "client to peer", relayed, "to_peer");
  add_direction(table, "peer to client", relayed, "to_client");
  add_direction(table, "client to client", relayed, "hairpin");
  table.add({"all", packets_of(relayed.at("fast")), bytes_of(relayed.at("fast")),
             packets_of(relayed.at("slow")), bytes_of(relayed.at("slow"))});
  std::string text = table.to_string();
  text += "between two clients of this relay: counted once by the kernel, by userspace on each leg above\n";
  if (relayed.contains("fast_share"))
    text += "kernel share " + format_share(relayed.at("fast_share").get<double>()) + "\n";

  Table io({{"worker"},
            {"core", Align::kRight},
            {"allocations", Align::kRight},
            {"from clients", Align::kRight},
            {"from peers", Align::kRight},
            {"truncated", Align::kRight},
            {"send failed", Align::kRight}});
  for (const Json& worker : stats.at("workers")) {
    const Json& counts = worker.at("io");
    const int core = worker.at("core").get<int>();
    io.add({std::to_string(number(worker, "index")), core < 0 ? "any" : std::to_string(core),
            format_count(number(worker, "allocations")), format_count(number(counts, "client_datagrams")),
            format_count(number(counts, "peer_datagrams")), format_count(number(counts, "truncated")),
            format_count(number(counts, "send_failed"))});
  }
  return text + "\n" + io.to_string() + "\n" + format_plural(number(stats, "allocations"), "allocation") +
         ", " + format_plural(number(stats, "permissions"), "permission") + ", " +
         format_plural(number(stats, "channels"), "channel") + "\n";
}

std::string render_drops(const Json& rows) {
  if (rows.empty()) return "no packet came yet\n";
  Table table(
      {{"path"}, {"verdict"}, {"reason"}, {"packets", Align::kRight}, {"bytes", Align::kRight}, {"meaning"}});
  std::map<std::string, uint64_t> verdicts;
  for (const Json& row : rows) {
    const auto text = [&row](const char* key) { return row.at(key).get<std::string>(); };
    verdicts[text("verdict")] += number(row, "packets");
    const bool has_bytes = row.contains("bytes") && number(row, "bytes") > 0;
    table.add({text("path") == "fast" ? "kernel" : "userspace", text("verdict"), text("reason"),
               packets_of(row), has_bytes ? bytes_of(row) : "-", text("meaning")});
  }
  std::string summary;
  for (const char* verdict : {"relayed", "answered", "passed", "dropped"})
    if (verdicts.contains(verdict))
      summary += (summary.empty() ? "" : ", ") + format_count(verdicts[verdict]) + " " + verdict;
  return table.to_string() + "\n" + summary + "\n" +
         (verdicts.contains("passed")
              ? "passed: not lost, the host's stack and the relay's userspace had it next\n"
              : "");
}

int run_stats(const Context& context) {
  return ask_and_print(context, {.verb = "stats"}, render_stats);
}

int run_drops(const Context& context, bool all) {
  return ask_and_print(context, {.verb = "drops", .args = {{"all", all}}}, render_drops);
}

}  // namespace turnpike::ctl
