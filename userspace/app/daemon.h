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
#include "app/blocks.h"
#include "app/event_hub.h"
#include "app/host_address_watch.h"
#include "app/host_addresses.h"
#include "app/icmp_relay.h"
#include "app/log_limit.h"
#include "app/relay_view.h"
#include "app/state_dir.h"
#include "app/traffic_limits.h"
#include "app/worker.h"
#include "auth/relay_authenticator.h"
#include "config/config.h"
#include "fastpath/bpffs.h"
#include "fastpath/fast_path.h"
#include "fastpath/session_store.h"
#include "fastpath/steering.h"
#include "guard/peer_policy.h"
#include "guard/quota.h"
#include "guard/source_list.h"
#include "net/event_loop.h"
#include "util/random.h"

namespace turnpike::app {

class Daemon {
 public:
  struct Options {
    bool keep = false;  // at the end everything stays in the kernel and goes on, for a successor
  };

  // Takes everything that may be refused: addresses, privileges, ports, programs, the admin socket. A
  // configuration without users and secrets gets the secret that is kept in the state directory, made at the
  // first start. What an earlier process left in the kernel is gone on with; a start that fails leaves it as
  // it was. Blocks SIGTERM, SIGINT, SIGHUP and SIGUSR1 for the process.
  static Result<std::unique_ptr<Daemon>> create(config::Config config, const Options& options);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() = default;

  // Serves until SIGTERM or SIGINT, or SIGUSR1, which implies keep.
  void run();

  const RelayView& view() const { return *view_; }

 private:
  Daemon(config::Config config, const Options& options) : config_(std::move(config)), keep_(options.keep) {}

  Result<void> watch_signals();
  Result<void> take_addresses();
  Result<void> take_state();
  Result<void> take_pins();
  Result<void> take_fast_path();
  Result<void> make_rules();
  Result<void> make_workers();
  Result<void> accept_clients();
  Result<void> open_control();
  Result<void> take_over();
  Result<void> answer_control();
  uint32_t most_allocations() const;
  Worker::Options worker_options(uint32_t workers) const;
  void handle_signal();
  void handle_kernel_event(const tp_event& event);
  void tick();
  void leave_all_in_kernel();
  std::string ready_line() const;

  config::Config config_;
  bool keep_;
  SystemRandom random_;
  std::string nonce_secret_;
  EventHub events_;
  LogLimit limit_log_;
  unsigned ticks_ = 0;
  size_t taken_over_ = 0;  // sessions
  // The order is that of dependence: what stands lower uses what stands above and ends first.
  std::unique_ptr<net::EventLoop> loop_;
  std::optional<StateDir> state_;
  Addresses addresses_;
  std::optional<fastpath::Bpffs> pins_;
  std::optional<fastpath::SessionStore> store_;
  std::unique_ptr<fastpath::Steering> steering_;
  std::unique_ptr<fastpath::FastPath> fast_path_;
  std::unique_ptr<TrafficLimits> limits_;  // nullptr: there are none
  std::unique_ptr<guard::SourceList> sources_;
  std::unique_ptr<Blocks> blocks_;
  std::unique_ptr<auth::RelayAuthenticator> authenticator_;
  std::unique_ptr<guard::RelayPeerPolicy> policy_;
  std::unique_ptr<HostAddressWatch> address_watch_;
  std::unique_ptr<guard::SharedQuota> quota_;
  std::unique_ptr<turn::RelayPorts> ports_;
  turn::Reservations reservations_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<IcmpRelay> icmp_;
  std::unique_ptr<RelayView> view_;
  UniqueFd signals_;
  std::unique_ptr<admin::ControlServer> control_;
};

}  // namespace turnpike::app
