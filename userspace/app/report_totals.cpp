// SPDX-License-Identifier: Apache-2.0
#include "app/report_totals.h"

#include <algorithm>
#include <iterator>

namespace turnpike::app {
namespace {

WorkerTotals ask(WorkerHandle& worker) {
  WorkerTotals totals;
  totals.index = worker.index();
  totals.core = worker.core();
  totals.running = worker.run_on([&totals](turn::Server& server) {
    totals.allocations = server.allocation_count();
    totals.permissions = server.permission_count();
    totals.channels = server.channel_count();
    totals.slow = server.counters();
    for (size_t reason = 0; reason < totals.drops.size(); ++reason)
      totals.drops[reason] = server.drops(static_cast<turn::DropReason>(reason));
  });
  totals.io = worker.counters();
  return totals;
}

void add(WorkerTotals& sum, const WorkerTotals& part) {
  sum.running = sum.running && part.running;
  sum.allocations += part.allocations;
  sum.permissions += part.permissions;
  sum.channels += part.channels;
  sum.slow.to_peer_packets += part.slow.to_peer_packets;
  sum.slow.to_peer_bytes += part.slow.to_peer_bytes;
  sum.slow.to_client_packets += part.slow.to_client_packets;
  sum.slow.to_client_bytes += part.slow.to_client_bytes;
  for (size_t reason = 0; reason < sum.drops.size(); ++reason)
    sum.drops[reason] += part.drops[reason];
  sum.io.client_datagrams += part.io.client_datagrams;
  sum.io.peer_datagrams += part.io.peer_datagrams;
  sum.io.truncated += part.io.truncated;
  sum.io.send_failed += part.io.send_failed;
  sum.io.fast_refused += part.io.fast_refused;
  sum.io.steer_failed += part.io.steer_failed;
  sum.io.not_recorded += part.io.not_recorded;
  sum.io.icmp_sent += part.io.icmp_sent;
}

}  // namespace

RelayTotals gather_totals(const RelayView& relay) {
  RelayTotals totals;
  totals.sum.running = true;
  for (WorkerHandle* worker : relay.workers) {
    totals.workers.push_back(ask(*worker));
    add(totals.sum, totals.workers.back());
  }
  totals.icmp_ignored = relay.icmp_ignored();
  return totals;
}

std::vector<turn::SessionSnapshot> gather_sessions(const RelayView& relay, const Now& now) {
  std::vector<turn::SessionSnapshot> sessions;
  for (WorkerHandle* worker : relay.workers) {
    // A worker that has stopped has no sessions to add.
    (void)worker->run_on([&sessions, &now](turn::Server& server) {
      auto some = server.sessions(now);
      std::move(some.begin(), some.end(), std::back_inserter(sessions));
    });
  }
  std::sort(sessions.begin(), sessions.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return sessions;
}

}  // namespace turnpike::app
