// SPDX-License-Identifier: Apache-2.0
//
// Worker: one thread with its sockets, its turn::Server and its timers. Nothing of it is shared: other
// threads ask by run_on(). What it is given in Surroundings is shared by all workers and outlives them.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "app/command_runner.h"
#include "app/icmp_report.h"
#include "app/relay_view.h"
#include "app/socket_slots.h"
#include "fastpath/fast_path.h"
#include "fastpath/session_store.h"
#include "fastpath/steering.h"
#include "net/event_loop.h"
#include "net/receive_batch.h"
#include "turn/server.h"
#include "util/fd.h"
#include "util/random.h"
#include "util/session_record.h"

namespace turnpike::app {

class Worker final : public WorkerHandle {
 public:
  struct Options {
    int core = -1;                    // CPU to run on; -1: any
    std::vector<Endpoint> listening;  // as on the interfaces
    turn::Options turn;               // with this worker's number
    bool log_addresses = false;
  };
  struct Surroundings {
    const turn::Authenticator& authenticator;
    const turn::PeerPolicy& peers;
    turn::AllocationQuota& quota;
    turn::RelayPorts& ports;
    turn::Reservations& reservations;
    fastpath::FastPath& fast_path;
    fastpath::Steering& steering;
    fastpath::SessionStore& store;
    turn::TrafficLimits* limits;  // nullptr: none
    turn::SourceGuard* sources;   // nullptr: everybody may
  };

  // Opens the sockets and puts them in their slots (socket_slots.h). Nothing reaches the listening ones
  // before accept_clients(), and nothing is read before start().
  static Result<std::unique_ptr<Worker>> create(const Options& options, const Surroundings& surroundings);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() override;  // stops

  // To be called when the listening endpoints are steered: a datagram that came before might have met the
  // wrong worker.
  Result<void> accept_clients();
  // A session from before a restart; see turn::Server::restore(). Before start().
  Result<void> restore(const SavedSession& saved);
  void restore_totals(const RelayCounters& totals) { server_->restore_totals(totals); }
  // What has been restored and lives. Before start().
  size_t session_count() const { return server_->allocation_count(); }
  size_t channel_count() const { return server_->channel_count(); }

  void start();
  // Ends the thread and waits for it; its allocations are not told. What it counted is recorded.
  void stop();

  unsigned index() const override { return index_; }
  int core() const override { return core_; }
  // For the server, if the error concerns it. From any thread.
  void hear_icmp(std::shared_ptr<const IcmpReport> report);
  // Must not be called before start().
  bool run_on(const std::function<void(turn::Server&)>& fn) override;
  WorkerCounters counters() override;

 private:
  struct Listener {
    Endpoint local;
    UniqueFd socket;
  };

  Worker() = default;
  Result<void> open_sockets(const Options& options, const SocketSlots& slots, fastpath::Steering& steering);
  Result<void> watch_sockets();
  void run();
  void receive_from_clients(const Listener& listener);
  void receive_from_peers();
  void wake_up();
  void carry_out(const Now& now);
  void run_commands(MonotonicTime now);

  unsigned index_ = 0;
  int core_ = -1;
  SystemRandom random_;
  std::deque<Listener> listeners_;  // a deque, because callbacks refer to them
  UniqueFd relay_socket_;
  net::ReceiveBatch batch_;
  std::unique_ptr<CommandRunner> runner_;
  std::unique_ptr<turn::Server> server_;
  std::unique_ptr<net::EventLoop> loop_;
  std::optional<MonotonicTime> save_at_;  // set while there is something uncounted in the records
  WorkerCounters counters_;               // the worker's thread only
  std::thread thread_;
};

}  // namespace turnpike::app
