// SPDX-License-Identifier: Apache-2.0
//
// Daemon: a relay made of its configuration, and the control thread that looks after it. The thread that
// calls create() and run() is the control thread; the relay lives in that thread's network namespace.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/control_server.h"
#include "app/host_addresses.h"
#include "app/relay_view.h"
#include "app/state_dir.h"
#include "app/worker.h"
#include "auth/relay_authenticator.h"
#include "config/config.h"
#include "fastpath/fast_path.h"
#include "fastpath/steering.h"
#include "guard/peer_policy.h"
#include "guard/quota.h"
#include "net/event_loop.h"
#include "net/rtnetlink.h"
#include "util/random.h"

namespace turnpike::app {

class Daemon {
 public:
  // Takes everything that may be refused: addresses, privileges, ports, programs, the admin socket. A
  // configuration without users and secrets gets the secret that is kept in the state directory, made at the
  // first start. Blocks SIGTERM, SIGINT and SIGHUP for the process.
  static Result<std::unique_ptr<Daemon>> create(config::Config config);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() = default;

  // Serves until SIGTERM or SIGINT.
  void run();

  const RelayView& view() const { return *view_; }

 private:
  explicit Daemon(config::Config config) : config_(std::move(config)) {}

  Result<void> take_state();
  Result<void> take_addresses();
  Result<void> take_fast_path();
  Result<void> make_rules();
  Result<void> follow_host_addresses();
  void read_host_addresses();
  Result<void> make_workers();
  Result<void> open_control();
  Result<void> watch_signals();
  void handle_signal();
  std::string ready_line() const;

  config::Config config_;
  SystemRandom random_;
  std::string nonce_secret_;
  // The order is that of dependence: what stands lower uses what stands above and ends first.
  std::optional<StateDir> state_;
  Addresses addresses_;
  std::unique_ptr<fastpath::FastPath> fast_path_;
  std::unique_ptr<fastpath::Steering> steering_;
  std::unique_ptr<auth::RelayAuthenticator> authenticator_;
  std::unique_ptr<guard::RelayPeerPolicy> policy_;
  std::optional<net::RouteReader> routes_;
  std::optional<net::RouteMonitor> route_monitor_;
  std::unique_ptr<guard::SharedQuota> quota_;
  std::unique_ptr<turn::RelayPorts> ports_;
  turn::Reservations reservations_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<RelayView> view_;
  UniqueFd signals_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<admin::ControlServer> control_;
};

}  // namespace turnpike::app
