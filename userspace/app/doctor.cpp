// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "admin/host_checks.h"
#include "app/report_sessions.h"

namespace turnpike::app {
namespace {

using admin::Check;
using admin::Json;
using admin::Verdict;

constexpr size_t kMaxIdsShown = 5;
constexpr uint64_t kNearlyFull = 90;  // per cent of a table

// What makes a table larger.
const std::map<std::string, std::string> kTableAdvice = {
    {"bindings", "raise [fastpath] max_bindings; until then userspace carries the flows that find no room"},
    {"flows", "raise [fastpath] max_bindings; until then userspace carries the flows that find no room"},
    {"allocations", "raise [limits] allocations"},
    {"users", "more users than the kernel keeps limits for: userspace keeps the others'"},
    {"next_hops", "too many neighbours: let clients and peers be reached by routers"},
    {"blocked", "block shorter prefixes in place of many long ones; userspace keeps out what found no room"}};
const char* const kNoSetting = "userspace does what finds no room";

// Why the kernel does not carry some flows, and which.
struct Group {
  std::set<AllocationId> ids;
  size_t flows = 0;
};

// A flow is a channel, or a permission that no channel uses: a client that binds none sends indications.
std::vector<fastpath::FlowStatus> flows_of(const RelayView& relay, const turn::SessionSnapshot& session) {
  std::vector<fastpath::FlowStatus> flows;
  for (const auto& channel : session.channels)
    flows.push_back(relay.fast_path.why(session.id, channel.number));
  for (const auto& permission : session.permissions) {
    const bool has_channel =
        std::any_of(session.channels.begin(), session.channels.end(),
                    [&](const auto& channel) { return channel.peer.address == permission.peer; });
    if (!has_channel) flows.push_back(why_permitted(relay, session.id, permission.peer));
  }
  return flows;
}

admin::HostExpectations expectations(const RelayView& relay) {
  std::set<IpAddress> addresses;
  for (const Endpoint& endpoint : relay.listening)
    addresses.insert(endpoint.address);
  for (const turn::RelayAddress& address : relay.relay_addresses)
    addresses.insert(address.local);
  const turn::PortRange range = relay.relay_ports.range();
  return {.in_relay = true,
          .relay_first_port = range.first,
          .relay_last_port = range.last,
          .bpffs = relay.fast_path.interfaces().empty() ? "" : relay.config.fastpath.bpffs,
          .addresses = {addresses.begin(), addresses.end()}};
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool off_on_purpose(const RelayView& relay) {
  return relay.config.fastpath.mode == config::FastPathMode::kOff;
}

Check check_group(const std::pair<std::string, std::string>& why, const Group& group, bool on_purpose) {
  const auto& [reason, remedy] = why;
  std::string ids;
  size_t shown = 0;
  Json all = Json::array();
  for (const AllocationId id : group.ids) {
    if (shown++ < kMaxIdsShown) ids += (ids.empty() ? "" : ", ") + id.to_string();
    all.push_back(id.to_string());
  }
  if (shown > kMaxIdsShown) ids += ", ... (" + std::to_string(shown) + " sessions)";
  return {.name = "flows",
          .verdict = on_purpose ? Verdict::kOk : Verdict::kWarn,
          .found = std::to_string(group.flows) + (group.flows == 1 ? " flow" : " flows") +
                   " in userspace: " + (reason.empty() ? "no reason known" : reason) + " [" + ids + "]",
          .advice = on_purpose ? "" : remedy,
          .details = {{"reason", reason}, {"flows", group.flows}, {"sessions", std::move(all)}}};
}

}  // namespace

std::vector<Check> check_interfaces(const RelayView& relay) {
  std::vector<Check> checks;
  for (const fastpath::InterfaceStatus& interface : relay.fast_path.interfaces()) {
    Check check{.name = "interface " + interface.name, .found = fastpath::to_string(interface.mode)};
    if (!interface.driver.empty()) check.found += " (" + interface.driver + ")";
    if (!interface.vlans.empty()) check.found += ", with VLANs " + listed(interface.vlans);
    if (!interface.reason.empty()) check.found += ": " + interface.reason;
    check.advice = interface.remedy;
    // Another program on the interface, a refused dispatcher or an offload that hides VLAN tags is told as
    // the reason, whatever the mode.
    const bool as_configured = (interface.mode == fastpath::Mode::kNative && interface.reason.empty()) ||
                               (interface.mode == fastpath::Mode::kGeneric &&
                                relay.config.fastpath.mode == config::FastPathMode::kGeneric);
    if (!as_configured) check.verdict = Verdict::kWarn;
    checks.push_back(std::move(check));
  }
  if (!checks.empty()) return checks;
  Check none{.name = "fast path", .found = relay.fast_path_summary};
  if (off_on_purpose(relay)) {
    none.found = "off, as configured";
  } else {
    none.verdict = Verdict::kWarn;
    none.advice = "no interface carries packets in the kernel: the relay's log says why at its start";
  }
  return {std::move(none)};
}

std::vector<Check> check_flows(const RelayView& relay, const std::vector<turn::SessionSnapshot>& sessions) {
  std::map<std::pair<std::string, std::string>, Group> groups;
  size_t flows = 0;
  for (const turn::SessionSnapshot& session : sessions) {
    for (const fastpath::FlowStatus& status : flows_of(relay, session)) {
      ++flows;
      if (status.fast_to_peer && status.fast_to_client) continue;
      Group& group = groups[{status.reason, status.remedy}];
      group.ids.insert(session.id);
      ++group.flows;
    }
  }
  std::vector<Check> checks;
  for (const auto& [why, group] : groups)
    checks.push_back(check_group(why, group, off_on_purpose(relay)));
  if (checks.empty())
    checks.push_back({.name = "flows",
                      .found = flows == 0 ? "none"
                                          : std::to_string(flows) + (flows == 1 ? " flow" : " flows") +
                                                " in the kernel, none in userspace"});
  return checks;
}

std::vector<Check> check_workers(const RelayTotals& totals) {
  std::vector<Check> checks;
  const size_t count = totals.workers.size();
  Check workers{.name = "workers", .found = std::to_string(count) + (count == 1 ? " runs" : " run")};
  for (const WorkerTotals& worker : totals.workers) {
    if (worker.running) continue;
    workers.verdict = Verdict::kFail;
    workers.found = "worker " + std::to_string(worker.index) + " has stopped";
    workers.advice = "restart the relay; its log says why the worker stopped";
  }
  checks.push_back(std::move(workers));
  const WorkerCounters& io = totals.sum.io;
  if (io.steer_failed > 0)
    checks.push_back(
        {.name = "steering",
         .verdict = Verdict::kWarn,
         .found = std::to_string(io.steer_failed) + " relay ports could not be given to a worker",
         .advice = "their peers' packets do not arrive: the relay's log names the cause"});
  if (io.not_recorded > 0)
    checks.push_back({.name = "records",
                      .verdict = Verdict::kWarn,
                      .found = std::to_string(io.not_recorded) +
                               " changes to sessions found no room in the records: those sessions end with "
                               "this process",
                      .advice = "raise [limits] allocations, or lower permissions and channels"});
  if (io.fast_refused > 0)
    checks.push_back({.name = "kernel tables",
                      .verdict = Verdict::kWarn,
                      .found = "the fast path refused " + std::to_string(io.fast_refused) +
                               " changes; userspace carries those flows",
                      .advice = "if the log says that a table is full, raise [fastpath] max_bindings"});
  return checks;
}

std::vector<Check> check_tables(const RelayView& relay) {
  Check well{.name = "tables"};
  std::vector<Check> checks;
  for (const fastpath::TableUse& table : relay.fast_path.tables()) {
    const std::string use =
        table.name + " " + std::to_string(table.used) + " of " + std::to_string(table.size);
    if (table.refused == 0 && table.used * 100 < table.size * kNearlyFull) {
      well.found += (well.found.empty() ? "" : ", ") + use;
      continue;
    }
    Check check{.name = "table " + table.name, .verdict = Verdict::kWarn, .found = use};
    if (table.refused > 0) check.found += "; " + std::to_string(table.refused) + " found it full";
    const auto advice = kTableAdvice.find(table.name);
    check.advice = advice == kTableAdvice.end() ? kNoSetting : advice->second;
    checks.push_back(std::move(check));
  }
  if (!well.found.empty()) checks.push_back(std::move(well));
  return checks;
}

Check check_takeover(const RelayView& relay) {
  if (!relay.discarded.empty())
    return {.name = "takeover",
            .verdict = Verdict::kWarn,
            .found = "what an earlier relay left was removed: " + relay.discarded,
            .advice = "its sessions ended with it; nothing is to be done now"};
  if (relay.taken_over == 0) return {.name = "takeover", .found = "no sessions of an earlier process"};
  return {.name = "takeover",
          .found = std::to_string(relay.taken_over) + " sessions of an earlier process went on"};
}

std::vector<Check> examine(const RelayView& relay, const Now& now) {
  const admin::HostExpectations expected = expectations(relay);
  std::vector<Check> checks = admin::check_host(admin::read_host_facts(expected), expected);
  const auto append = [&checks](std::vector<Check> more) {
    checks.insert(checks.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  append(check_workers(gather_totals(relay)));
  checks.push_back(check_takeover(relay));
  append(check_interfaces(relay));
  append(check_tables(relay));
  append(check_flows(relay, gather_sessions(relay, now)));
  return checks;
}

}  // namespace turnpike::app
