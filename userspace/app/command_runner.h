// SPDX-License-Identifier: Apache-2.0
//
// CommandRunner: carries out what a turn::Server asks for. Records, fast path and steering commands take
// effect at once and in order; datagrams are collected and leave at the end of run(). So no answer leaves
// before what it tells of is in the durable records and in the kernel. What is added is recorded before the
// kernel forwards it, what is taken away is withdrawn before its record: a process that dies between the two
// leaves nothing forwarded that no successor knows. One worker's; one thread.
#pragma once

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "app/icmp_report.h"
#include "app/log_limit.h"
#include "app/relay_view.h"
#include "fastpath/fast_path.h"
#include "fastpath/session_store.h"
#include "fastpath/steering.h"
#include "net/icmp_egress.h"
#include "net/raw_egress.h"
#include "net/send_batch.h"
#include "turn/commands.h"
#include "turn/relay_ports.h"
#include "util/cell_rate.h"

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
    fastpath::SessionStore& store;
    turn::RelayPorts& ports;
    unsigned worker;      // its number
    uint32_t relay_slot;  // of the worker's relay socket
    bool log_addresses;   // whether events tell addresses and user names
  };

  CommandRunner(const std::vector<Listener>& listeners, std::unique_ptr<net::RawEgress> egress,
                std::unique_ptr<net::IcmpEgress> icmp, const Surroundings& surroundings);

  // `queue` stays as it is; the caller clears it.
  void run(const turn::CommandQueue& queue, MonotonicTime now);
  // What run() could not send because it was larger than this host's interface takes and might not be
  // fragmented, since the last call: as errors that a router would have sent.
  std::vector<IcmpReport> take_too_big() { return std::exchange(too_big_, {}); }
  // Adds the counters that are kept here.
  void add_counters(WorkerCounters& counters) const;

 private:
  static constexpr CellRate kReports{200, 200};  // in a second, of packets that were too big
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
  void execute(const turn::SetPermission& command, const turn::CommandQueue& queue);
  void execute(const turn::RemovePermission& command, const turn::CommandQueue& queue);
  void execute(const turn::InstallBinding& command, const turn::CommandQueue& queue);
  void execute(const turn::RestChannel& command, const turn::CommandQueue& queue);
  void execute(const turn::RemoveChannel& command, const turn::CommandQueue& queue);
  void execute(const turn::SaveCounters& command, const turn::CommandQueue& queue);
  void execute(const turn::SendTooBig& command, const turn::CommandQueue& queue);
  void execute(const turn::Event& command, const turn::CommandQueue& queue);
  void note_refusal(const Result<void>& result);
  void note_record(const Result<void>& result);
  void report_too_big();

  std::deque<Output> outputs_;  // a deque, because batches stay where they are
  std::unique_ptr<net::RawEgress> egress_;
  std::unique_ptr<net::IcmpEgress> icmp_;
  std::vector<IcmpReport> too_big_;
  MonotonicTime reports_full_at_;
  Surroundings surroundings_;
  MonotonicTime now_;
  uint64_t fast_refused_ = 0;
  uint64_t steer_failed_ = 0;
  uint64_t not_recorded_ = 0;
  LogLimit refusal_limit_, steer_limit_, record_limit_;
};

}  // namespace turnpike::app
