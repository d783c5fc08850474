// SPDX-License-Identifier: Apache-2.0
//
// CommandRunner: carries out what a turn::Server asks for. Fast path and steering commands take effect at
// once and in order; datagrams are collected and leave at the end of run(). So no answer leaves before the
// forwarding entry it tells of is in the kernel. One worker's; one thread.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "app/log_limit.h"
#include "app/relay_view.h"
#include "fastpath/fast_path.h"
#include "fastpath/steering.h"
#include "net/raw_egress.h"
#include "net/send_batch.h"
#include "turn/commands.h"
#include "turn/relay_ports.h"

namespace turnpike::app {

class CommandRunner {
 public:
  struct Listener {
    Endpoint local;
    int socket;  // borrowed
  };
  struct Surroundings {
    fastpath::FastPath& fast_path;
    fastpath::Steering& steering;
    turn::RelayPorts& ports;
    uint32_t relay_slot;  // of the worker's relay socket
    bool log_addresses;   // whether events tell addresses and user names
  };

  CommandRunner(const std::vector<Listener>& listeners, std::unique_ptr<net::RawEgress> egress,
                const Surroundings& surroundings);

  // `queue` stays as it is; the caller clears it.
  void run(const turn::CommandQueue& queue, MonotonicTime now);
  // Adds the counters that are kept here.
  void add_counters(WorkerCounters& counters) const;

 private:
  struct Output {
    explicit Output(const Listener& listener) : local(listener.local), batch(listener.socket) {}
    Endpoint local;
    net::SendBatch batch;
  };

  void execute(const turn::SendToClient& command, const turn::CommandQueue& queue);
  void execute(const turn::SendToPeer& command, const turn::CommandQueue& queue);
  void execute(const turn::OwnPort& command, const turn::CommandQueue& queue);
  void execute(const turn::ReleasePort& command, const turn::CommandQueue& queue);
  void execute(const turn::SetAllocation& command, const turn::CommandQueue& queue);
  void execute(const turn::RemoveAllocation& command, const turn::CommandQueue& queue);
  void execute(const turn::InstallBinding& command, const turn::CommandQueue& queue);
  void execute(const turn::RemoveBinding& command, const turn::CommandQueue& queue);
  void execute(const turn::Event& command, const turn::CommandQueue& queue);
  void note_refusal(const Result<void>& result);

  std::deque<Output> outputs_;  // a deque, because batches stay where they are
  std::unique_ptr<net::RawEgress> egress_;
  Surroundings surroundings_;
  MonotonicTime now_;
  uint64_t fast_refused_ = 0;
  uint64_t steer_failed_ = 0;
  LogLimit refusal_limit_, steer_limit_;
};

}  // namespace turnpike::app
