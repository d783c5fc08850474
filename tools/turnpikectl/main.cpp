// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl: asks a running relay, or looks at a configuration or this host without one.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "turnpikectl/blocks.h"
#include "turnpikectl/check_config.h"
#include "turnpikectl/context.h"
#include "turnpikectl/counters.h"
#include "turnpikectl/credentials.h"
#include "turnpikectl/doctor.h"
#include "turnpikectl/sessions.h"
#include "turnpikectl/status.h"
#include "turnpikectl/trace.h"
#include "turnpikectl/watch.h"

namespace turnpike::ctl {
namespace {

struct CommandLine {
  Context context;
  std::string session_id;
  bool all_drops = false;
  bool watch = false;
  double interval_seconds = 1;
  TraceWish trace;
  std::string prefix;
  std::optional<int64_t> block_seconds;
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

void describe_traffic(CLI::App& app, CommandLine& line) {
  add_verb(app, line, "stats", "packets and bytes relayed", [&line] { return run_stats(line.context); });

  CLI::App* const drops =
      add_verb(app, line, "drops", "what became of packets that the kernel did not relay, and why", [&line] {
        if (!line.watch) return run_drops(line.context, line.all_drops);
        return run_watch(line.context,
                         std::chrono::milliseconds(static_cast<int64_t>(line.interval_seconds * 1000)));
      });
  drops->add_flag("--all", line.all_drops, "with the reasons that never happened");
  CLI::Option* const watch = drops->add_flag("--watch", line.watch, "what moves, until Ctrl-C");
  drops->add_option("--interval", line.interval_seconds, "seconds between two looks")
      ->needs(watch)
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();

  CLI::App* const trace = add_verb(
      app, line, "trace", "one session's packets, before and after the kernel relayed them, as pcapng",
      [&line] { return run_trace(line.context, line.trace); });
  trace->add_option("ID", line.trace.id, "the start of the session's id")->required();
  trace->add_option("--packets", line.trace.packets, "end after so many")->check(CLI::PositiveNumber);
  trace->add_option("--seconds", line.trace.seconds, "end after so long")->check(CLI::PositiveNumber);
  trace->add_option("--rate", line.trace.rate, "packets a second at most; 1000 if not given");
  trace->add_option("-o", line.trace.file, "FILE.pcapng, or - for standard output")->capture_default_str();
}

void describe_blocks(CLI::App& app, CommandLine& line) {
  CLI::App* const block = add_verb(app, line, "block", "keep a source out, in the kernel", [&line] {
    return run_block(line.context, line.prefix, line.block_seconds);
  });
  block->add_option("PREFIX", line.prefix, "192.0.2.0/24, 2001:db8::/32 or an address")->required();
  const std::map<std::string, int64_t> units = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  block->add_option("--for", line.block_seconds, "how long: 90s, 10m, 2h, 7d; until unblocked if not given")
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_INSENSITIVE, "TIME"));
  add_verb(app, line, "unblock", "let a blocked source in again",
           [&line] { return run_unblock(line.context, line.prefix); })
      ->add_option("PREFIX", line.prefix, "as it was blocked")
      ->required();
  add_verb(app, line, "blocked", "the sources that are kept out",
           [&line] { return run_blocked(line.context); });
}

void describe(CLI::App& app, CommandLine& line) {
  app.set_version_flag("--version", TURNPIKE_VERSION);
  app.fallthrough();  // the options below may stand behind the verb too
  // Words that are left over are told by complain(), which knows the verbs.
  app.require_subcommand(0, 1);
  app.allow_extras();
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
  describe_traffic(app, line);
  describe_blocks(app, line);

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

int complain(const CLI::App& app, const std::vector<std::string>& words) {
  std::string verbs;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    verbs += (verbs.empty() ? "" : ", ") + verb->get_name();
  const bool has_verb = !app.get_subcommands().empty();
  if (words.empty()) {
    print_error("expected a verb; verbs are: " + verbs);
  } else if (has_verb || words.front().starts_with("-")) {
    print_error("unexpected '" + words.front() + "'; --help shows what may stand there");
  } else {
    print_error("unknown verb '" + words.front() + "'; verbs are: " + verbs);
  }
  return kUsage;
}

int run(int argc, char** argv) {
  CLI::App app("Asks a running turnpike relay.", "turnpikectl");
  CommandLine line;
  describe(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  return words.empty() && line.run ? line.run() : complain(app, words);
}

}  // namespace
}  // namespace turnpike::ctl

int main(int argc, char** argv) try {
  return turnpike::ctl::run(argc, argv);
} catch (const std::exception& failure) {
  std::fprintf(stderr, "turnpikectl: %s\n", failure.what());
  return 1;
}
