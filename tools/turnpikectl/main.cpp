// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl: asks a running relay, or looks at a configuration or this host without one.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <string>

#include "turnpikectl/check_config.h"
#include "turnpikectl/context.h"
#include "turnpikectl/counters.h"
#include "turnpikectl/credentials.h"
#include "turnpikectl/doctor.h"
#include "turnpikectl/sessions.h"
#include "turnpikectl/status.h"

namespace turnpike::ctl {
namespace {

struct CommandLine {
  Context context;
  std::string session_id;
  bool all_drops = false;
  std::string credentials_id;
  std::optional<int64_t> lifetime_seconds;
  std::string config_file;
  std::function<int()> run;  // the verb that was named
};

CLI::App* add_verb(CLI::App& app, CommandLine& line, const std::string& name, const std::string& help,
                   std::function<int()> run) {
  CLI::App* const verb = app.add_subcommand(name, help);
  verb->callback([&line, run = std::move(run)] { line.run = run; });
  return verb;
}

void describe(CLI::App& app, CommandLine& line) {
  app.set_version_flag("--version", TURNPIKE_VERSION);
  app.fallthrough();  // the options below may stand behind the verb too
  app.require_subcommand(1);
  app.add_option("--socket", line.context.socket, "admin socket of the relay")
      ->envname("TURNPIKE_SOCKET")
      ->capture_default_str();
  app.add_flag("--json", line.context.json, "print JSON");

  add_verb(app, line, "status", "the relay on one page", [&line] { return run_status(line.context); });
  add_verb(app, line, "sessions", "all allocations", [&line] { return run_sessions(line.context); });
  add_verb(app, line, "show", "one allocation, with its channels and how each is carried",
           [&line] { return run_show(line.context, line.session_id); })
      ->add_option("ID", line.session_id, "the start of its id")
      ->required();
  add_verb(app, line, "stats", "packets and bytes relayed", [&line] { return run_stats(line.context); });
  add_verb(app, line, "drops", "packets not relayed, and why", [&line] {
    return run_drops(line.context, line.all_drops);
  })->add_flag("--all", line.all_drops, "with the reasons that never happened");

  CLI::App* const credentials =
      add_verb(app, line, "credentials", "make a temporary username and password",
               [&line] { return run_credentials(line.context, line.credentials_id, line.lifetime_seconds); });
  credentials->add_option("--id", line.credentials_id, "who they are for");
  credentials->add_option("--lifetime", line.lifetime_seconds, "in seconds; 86400 if not given");

  add_verb(app, line, "doctor", "what is wrong, and what to do about it", [&line] {
    return run_doctor(line.context, line.config_file);
  })->add_option("--config", line.config_file, "what to expect of this host while no relay runs");
  add_verb(app, line, "check-config", "whether the relay would take FILE",
           [&line] { return run_check_config(line.context, line.config_file); })
      ->add_option("FILE", line.config_file, "a configuration file")
      ->required();
}

int run(int argc, char** argv) {
  CLI::App app("Asks a running turnpike relay.", "turnpikectl");
  CommandLine line;
  describe(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kRefused;
  }
  return line.run();
}

}  // namespace
}  // namespace turnpike::ctl

int main(int argc, char** argv) try {
  return turnpike::ctl::run(argc, argv);
} catch (const std::exception& failure) {
  std::fprintf(stderr, "turnpikectl: %s\n", failure.what());
  return 1;
}
