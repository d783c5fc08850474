// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/doctor.h"

#include <set>

#include "admin/control_client.h"
#include "admin/host_checks.h"
#include "config/config.h"
#include "turnpikectl/table.h"
#include "turnpikectl/units.h"

namespace turnpike::ctl {
namespace {

Result<Json> ask_relay(const Context& context) {
  auto client = admin::ControlClient::connect(context.socket);
  if (!client) return forward(client);
  return client->ask({.verb = "doctor"});
}

admin::HostExpectations expectations(const config::Config& config) {
  std::set<IpAddress> addresses(config.listen.addresses.begin(), config.listen.addresses.end());
  addresses.insert(config.relay.addresses.begin(), config.relay.addresses.end());
  return {.in_relay = false,
          .relay_first_port = config.relay.first_port,
          .relay_last_port = config.relay.last_port,
          .bpffs = config.fastpath.mode == config::FastPathMode::kOff ? "" : config.fastpath.bpffs,
          .addresses = {addresses.begin(), addresses.end()}};
}

// What can be told without the relay; `why_not` says what became of the question to it.
Json examine_host(const config::Config& config, const Error& why_not) {
  const admin::HostExpectations expected = expectations(config);
  std::vector<admin::Check> checks = {
      {.name = "relay",
       .verdict = admin::Verdict::kWarn,
       .found = why_not.message,
       .advice = why_not.code == ErrorCode::kPermission
                     ? "sudo turnpikectl doctor"
                     : "start turnpiked, or name its socket (--socket); only this host was examined"}};
  for (admin::Check& check : admin::check_host(admin::read_host_facts(expected), expected))
    checks.push_back(std::move(check));
  return admin::to_json(checks);
}

}  // namespace

std::string render_doctor(const Json& report) {
  Table table = Table::plain(3);
  uint64_t warnings = 0;
  uint64_t failures = 0;
  for (const Json& check : report.at("checks")) {
    const auto text = [&check](const char* key) { return check.at(key).get<std::string>(); };
    warnings += text("verdict") == "warn" ? 1 : 0;
    failures += text("verdict") == "fail" ? 1 : 0;
    table.add({text("verdict"), text("name"), text("found")});
    if (!text("advice").empty()) table.add({"", "", "-> " + text("advice")});
  }
  const std::string summary =
      warnings + failures == 0 ? "all is well"
      : failures == 0          ? format_plural(warnings, "warning")
                      : format_plural(failures, "failure") + ", " + format_plural(warnings, "warning");
  return table.to_string() + "\n" + summary + "\n";
}

int run_doctor(const Context& context, const std::string& config_file) {
  config::Config config;
  if (!config_file.empty()) {
    auto loaded = config::load(config_file);
    if (!loaded) {
      print_error(loaded.error().message);
      return kRefused;
    }
    config = std::move(*loaded);
  }
  const auto answer = ask_relay(context);
  const Json report = answer ? *answer : examine_host(config, answer.error());
  try {
    if (context.json) {
      print_json(report);
    } else {
      print_text(render_doctor(report));
    }
    return report.at("verdict") == "fail" ? kRefused : kOk;
  } catch (const Json::exception& unexpected) {
    print_error(std::string("the relay's report has another form than expected: ") + unexpected.what());
    return kRefused;
  }
}

}  // namespace turnpike::ctl
