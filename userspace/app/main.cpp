// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>

#include "app/daemon.h"
#include "app/logging.h"
#include "auth/credentials.h"
#include "config/config.h"

namespace {

using namespace turnpike;

constexpr Seconds kFirstCredentialsLast = std::chrono::hours(24);

int refuse(const Error& error) {
  std::istringstream lines(error.message);
  for (std::string line; std::getline(lines, line);)
    std::cerr << "turnpiked: " << line << "\n";
  return 1;
}

// What somebody without a configuration needs to try the relay.
void print_credentials(const app::RelayView& view) {
  const auto credentials = auth::make_temporary_credentials(view.credential_secret, "turnpike",
                                                            kFirstCredentialsLast, read_clocks().wall);
  for (const Endpoint& listening : view.listening)
    std::cout << "turn:" << listening.to_string() << "?transport=udp username " << credentials.username
              << " password " << credentials.password << "\n";
  std::cout << std::flush;
}

// Each worker keeps sockets for ports that send in bursts (net/burst_sockets.h): with many cores more than
// the usual 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int run(int argc, char** argv) {
  // A reader of our log that goes away must not take the relay along, its programs still attached.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App options(
      "turnpiked: a TURN relay whose media path runs in the kernel. Without --config it serves all addresses "
      "of\n"
      "this host with a secret of its own and prints temporary credentials.");
  std::string config_file;
  options
      .add_option("--config", config_file, "configuration, TOML; `turnpikectl check-config FILE` checks it")
      ->type_name("FILE");
  app::Daemon::Options daemon_options;
  options.add_flag(
      "--keep", daemon_options.keep,
      "at the end leave all sessions in the kernel, where media goes on, for the next start to take "
      "over; without it nothing stays behind. SIGUSR1 ends a relay so, however it was started");
  options.set_version_flag("--version", "turnpiked " TURNPIKE_VERSION);
  CLI11_PARSE(options, argc, argv);

  const bool configured = options.count("--config") > 0;
  auto config = configured ? config::load(config_file) : Result<config::Config>(config::Config{});
  if (!config) return refuse(config.error());
  app::set_up_logging(config->log);
  raise_descriptor_limit();

  auto daemon = app::Daemon::create(std::move(*config), daemon_options);
  if (!daemon) return refuse(daemon.error());
  if (!configured) print_credentials((*daemon)->view());
  (*daemon)->run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) try { return run(argc, argv); } catch (const std::exception& failure) {
  std::fprintf(stderr, "turnpiked: %s\n", failure.what());
  return 1;
}
