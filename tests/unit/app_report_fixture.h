// SPDX-License-Identifier: Apache-2.0
//
// A relay to report on: a fast path that says what a test tells it to, workers that have stopped, sessions.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "app/relay_view.h"
#include "unit/idle_fast_path.h"

namespace turnpike::app {

class ScriptedFastPath final : public test::IdleFastPath {
 public:
  std::vector<fastpath::InterfaceStatus> interfaces() const override { return interface_rows; }
  fastpath::FlowStatus why(AllocationId id, ChannelNumber) const override {
    const auto found = flows.find(id);
    return found == flows.end() ? fastpath::FlowStatus{true, true, "", ""} : found->second;
  }
  fastpath::FlowStatus why_permitted(AllocationId id, const IpAddress& peer) const override {
    asked_for = peer;
    return why(id, kFirstChannel);
  }
  fastpath::FlowCounters counters(AllocationId id) const override {
    const auto found = flow_counters.find(id);
    return found == flow_counters.end() ? fastpath::FlowCounters{} : found->second;
  }
  std::vector<fastpath::TableUse> tables() const override { return table_rows; }
  uint64_t trace(AllocationId id, uint32_t packets_per_second) override {
    traced = id;
    trace_rate = packets_per_second;
    return trace_lost;
  }

  std::vector<fastpath::InterfaceStatus> interface_rows;
  std::vector<fastpath::TableUse> table_rows;
  mutable IpAddress asked_for;  // the last permission's peer
  AllocationId traced;
  uint32_t trace_rate = 0;
  uint64_t trace_lost = 0;
  std::map<AllocationId, fastpath::FlowStatus> flows;  // not named: fast both ways
  std::map<AllocationId, fastpath::FlowCounters> flow_counters;
};

class StoppedWorker final : public WorkerHandle {
 public:
  unsigned index() const override { return 0; }
  int core() const override { return -1; }
  bool run_on(const std::function<void(turn::Server&)>&) override { return false; }
  WorkerCounters counters() override { return {}; }
};

class StateDirectory {
 public:
  StateDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "turnpike-report-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  StateDirectory(const StateDirectory&) = delete;
  StateDirectory& operator=(const StateDirectory&) = delete;
  ~StateDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct ReportedRelay {
  config::Config config;
  ScriptedFastPath fast_path;
  EventHub events;
  StateDirectory directory;
  StateDir state = std::move(*StateDir::open(directory.path()));
  guard::SourceList sources{{}};
  Blocks blocks{state, sources, fast_path};
  turn::RelayPorts ports{{IpAddress::v4(192, 0, 2, 1)}, {50000, 50009}};
  StoppedWorker worker;
  Now now{MonotonicTime(Seconds(1000)), WallTime(Seconds(1'770'000'000))};
  RelayView view{.config = config,
                 .fast_path = fast_path,
                 .events = events,
                 .blocks = blocks,
                 .relay_ports = ports,
                 .workers = {&worker},
                 .listening = {{IpAddress::v4(192, 0, 2, 1), 3478}},
                 .relay_addresses = {{IpAddress::v4(192, 0, 2, 1), IpAddress::v4(198, 51, 100, 7)}},
                 .started = MonotonicTime(Seconds(900)),
                 .started_wall = WallTime(Seconds(1'769'999'900)),
                 .version = "1.2.3",
                 .fast_path_summary = "none (a reason)",
                 .credential_secret = "secret",
                 .taken_over = 0,
                 .discarded = {}};

  // One allocation with one permission and one channel; `slow` packets of 100 bytes to the peer.
  turn::SessionSnapshot session(uint64_t id, uint64_t slow = 0) const {
    turn::SessionSnapshot snapshot;
    snapshot.id = {id};
    snapshot.five_tuple = {{IpAddress::v4(203, 0, 113, 9), 40000}, view.listening.front(), Transport::kUdp};
    snapshot.relayed = {IpAddress::v4(198, 51, 100, 7), 50001};
    snapshot.username = "alice";
    snapshot.created = now.monotonic - Seconds(60);
    snapshot.expires = now.monotonic + Seconds(540);
    snapshot.counters.to_peer_packets = slow;
    snapshot.counters.to_peer_bytes = slow * 100;
    const Endpoint peer{IpAddress::v4(203, 0, 113, 5), 4000};
    snapshot.permissions = {{peer.address, now.monotonic + Seconds(240)}};
    snapshot.channels = {{kFirstChannel, peer, now.monotonic + Nanoseconds(1)}};
    return snapshot;
  }
};

}  // namespace turnpike::app
