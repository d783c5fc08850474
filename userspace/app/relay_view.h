// SPDX-License-Identifier: Apache-2.0
//
// RelayView: what the admin side may see of a running relay. Filled by the daemon before the control socket
// opens, and constant from then on; used on the control thread only. What changes lies behind fast_path,
// which any thread may call, and behind WorkerHandle, which asks the worker's own thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/blocks.h"
#include "app/event_hub.h"
#include "config/config.h"
#include "fastpath/fast_path.h"
#include "turn/relay_ports.h"
#include "turn/server.h"
#include "util/clock.h"
#include "util/endpoint.h"

namespace turnpike::app {

// What a worker counts beside its turn::Server's own counters. Since start.
struct WorkerCounters {
  uint64_t client_datagrams = 0;  // received at listening sockets
  uint64_t peer_datagrams = 0;    // received at relay ports
  uint64_t truncated = 0;         // longer than a receive buffer: dropped
  uint64_t send_failed = 0;       // the kernel refused to send
  uint64_t fast_refused = 0;      // commands that the fast path refused; the slow path carries those flows
  uint64_t steer_failed = 0;      // relay ports that could not be steered to this worker
  uint64_t not_recorded = 0;      // records that found their map full: these sessions end with the process
  uint64_t icmp_sent = 0;         // ICMP errors to senders whose packets were too big
};

class WorkerHandle {
 public:
  virtual ~WorkerHandle() = default;
  virtual unsigned index() const = 0;
  virtual int core() const = 0;  // CPU that the thread is pinned to; -1: not pinned
  // Runs `fn` on the worker's thread between two batches and waits for it. False: the worker has stopped, and
  // `fn` was not and will not be run. Not to be called on the worker's own thread.
  virtual bool run_on(const std::function<void(turn::Server&)>& fn) = 0;
  // Asked by run_on; zeros when the worker has stopped.
  virtual WorkerCounters counters() = 0;
};

struct RelayView {
  const config::Config& config;
  fastpath::FastPath& fast_path;
  EventHub& events;  // of the kernel's program
  Blocks& blocks;
  const turn::RelayPorts& relay_ports;
  std::vector<WorkerHandle*> workers;
  std::vector<Endpoint> listening;                  // as on the interfaces
  std::vector<turn::RelayAddress> relay_addresses;  // local and external
  MonotonicTime started;
  WallTime started_wall;
  std::string version;
  std::string fast_path_summary;  // as in the ready line: "eth0 native, eth1 generic" or "off"
  std::string credential_secret;  // REST secret for temporary credentials; empty: only named users
  size_t taken_over = 0;          // sessions of an earlier process that this one has gone on with
  std::string discarded;  // why what an earlier process left was not taken over; empty: it was, or none
  std::function<uint64_t()> icmp_ignored = [] { return uint64_t{0}; };  // IcmpRelay::ignored()
};

}  // namespace turnpike::app
