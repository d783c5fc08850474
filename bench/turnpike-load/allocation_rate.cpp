// SPDX-License-Identifier: Apache-2.0
#include "allocation_rate.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "clients.h"
#include "net_namespace.h"

namespace turnpike::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kWarmUp{300};
constexpr std::chrono::milliseconds kStep{10};
constexpr std::chrono::seconds kLastAnswers{4};  // after which every request was answered or given up

struct Window {
  Clock::time_point start;
  Clock::time_point end;
  bool contains(Clock::time_point when) const { return start <= when && when < end; }
};

double thread_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// One thread's clients: as many at a time as there are slots, each of which begins anew when it is done.
class Allocator {
 public:
  Allocator(Clients& clients, unsigned lane, unsigned slots, const Target& target, const Window& window)
      : endpoints_(clients.endpoints()),
        lane_(lane),
        requester_(clients.lane(lane), target),
        window_(window),
        slots_(slots) {}

  AllocationReport run() {
    for (Allocation& slot : slots_)
      begin(slot);
    while (Clock::now() < window_.start)
      requester_.step(kStep);
    const double cpu = thread_cpu_seconds();
    while (Clock::now() < window_.end)
      requester_.step(kStep);
    report_.generator_cpus = thread_cpu_seconds() - cpu;
    while (requester_.in_flight() != 0 && Clock::now() < window_.end + kLastAnswers)
      requester_.step(kStep);
    return report_;
  }

 private:
  void begin(Allocation& slot) {
    if (Clock::now() >= window_.end) return;
    slot = {};
    slot.local = endpoints_.at(lane_, begun_++);
    requester_.ask(slot, {.method = stun::Method::kAllocate},
                   [this, &slot](const Answer& answer) { end(slot, answer); });
  }

  void end(Allocation& slot, const Answer& answer) {
    if (answer.tuple_in_use()) {
      report_.tuples_in_use += window_.contains(Clock::now()) ? 1 : 0;
      return begin(slot);
    }
    if (!answer.ok()) return note(slot, answer);
    if (window_.contains(Clock::now())) report_.latency.add(static_cast<uint64_t>(answer.took.count()));
    requester_.ask(slot, {.method = stun::Method::kRefresh, .lifetime = 0},
                   [this, &slot](const Answer& ended) { note(slot, ended); });
  }

  void note(Allocation& slot, const Answer& answer) {
    if (window_.contains(Clock::now())) {
      if (answer.ok())
        ++report_.allocated;
      else
        ++report_.failed[answer.error];
    }
    begin(slot);
  }

  const ClientEndpoints& endpoints_;
  unsigned lane_;
  Requester requester_;
  Window window_;
  std::vector<Allocation> slots_;
  size_t begun_ = 0;
  AllocationReport report_;
};

}  // namespace

uint64_t AllocationReport::all_failed() const {
  uint64_t sum = 0;
  for (const auto& [error, count] : failed)
    sum += count;
  return sum;
}

AllocationReport& AllocationReport::operator+=(const AllocationReport& other) {
  allocated += other.allocated;
  for (const auto& [error, count] : other.failed)
    failed[error] += count;
  tuples_in_use += other.tuples_in_use;
  latency += other.latency;
  generator_cpus += other.generator_cpus;
  return *this;
}

Result<AllocationReport> measure(const AllocateOptions& options) {
  auto netns = NetNamespace::open(options.target.client_netns);
  if (!netns) return forward(netns);
  if (auto entered = netns->enter(); !entered) return forward(entered);
  auto clients = Clients::open(options.target, options.threads, options.clients / options.threads + 1);
  if (!clients) return forward(clients);
  const Clock::time_point start = Clock::now() + kWarmUp;
  const Window window{start, start + std::chrono::seconds(options.seconds)};
  std::vector<AllocationReport> reports(options.threads);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; ++i) {
    const unsigned slots = options.clients / options.threads + (i < options.clients % options.threads);
    threads.emplace_back(
        [&, i, slots] { reports[i] = Allocator(*clients, i, slots, options.target, window).run(); });
  }
  for (std::thread& thread : threads)
    thread.join();
  AllocationReport sum;
  for (const AllocationReport& report : reports)
    sum += report;
  sum.seconds = options.seconds;
  sum.generator_cpus /= sum.seconds;
  return sum;
}

nlohmann::json to_json(const AllocateOptions& options, const AllocationReport& report) {
  nlohmann::json errors = nlohmann::json::object();
  for (const auto& [error, count] : report.failed)
    errors[error == Answer::kNone ? "no answer" : std::to_string(error)] = count;
  return {{"clients", options.clients},
          {"threads", options.threads},
          {"seconds", report.seconds},
          {"allocations", report.allocated},
          {"allocations_per_second", static_cast<double>(report.allocated) / report.seconds},
          {"failed", report.all_failed()},
          {"errors", errors},
          {"tuples_in_use", report.tuples_in_use},
          {"latency_ns", to_json(report.latency)},
          {"generator_cpus", report.generator_cpus}};
}

}  // namespace turnpike::load
