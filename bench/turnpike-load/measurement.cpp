// SPDX-License-Identifier: Apache-2.0
#include "measurement.h"

#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "kernel_side.h"
#include "names.h"
#include "pacing.h"
#include "stand_in.h"

namespace turnpike::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kWarmUp{300};
constexpr std::chrono::milliseconds kDrain{200};
constexpr uint32_t kFramesPerCall = 1u << 16;
// Not shorter: each call costs some 30 µs, and has a page pool of its own with one of the kernel's 65,534 XDP
// memory ids, which is given back a second later if the relay's sockets still hold frames.
constexpr std::chrono::microseconds kPacingNap{1000};

Result<void> pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof(set), &set) != 0)
    return fail_errno(errno, "pinning to CPU " + std::to_string(cpu));
  return {};
}

// Frames made until `deadline`.
Result<uint64_t> flood(const KernelSide& kernel, Clock::time_point deadline) {
  uint64_t sent = 0;
  for (; Clock::now() < deadline; sent += kFramesPerCall)
    if (auto made = kernel.generate(kFramesPerCall); !made) return forward(made);
  return sent;
}

Result<uint64_t> keep_rate(const KernelSide& kernel, uint64_t rate, Clock::time_point deadline) {
  ::prctl(PR_SET_TIMERSLACK, 1);  // ns; naps are as short as asked for
  Pacing pacing(rate, Clock::now());
  uint64_t sent = 0;
  for (Clock::time_point now = Clock::now(); now < deadline; now = Clock::now()) {
    const uint64_t due = pacing.take_due(now);
    if (due == 0) {
      std::this_thread::sleep_for(kPacingNap);
      continue;
    }
    if (auto made = kernel.generate(static_cast<uint32_t>(due)); !made) return forward(made);
    sent += due;
  }
  return sent;
}

// All CPUs of `options` at once, each with its share of the rate. The frames made, or the first error.
Result<uint64_t> blast_from_all(const KernelSide& kernel, const RelayOptions& options,
                                const NetNamespace& generator_netns, Clock::duration duration) {
  const Clock::time_point deadline = Clock::now() + duration;
  const uint64_t share = std::max<uint64_t>(1, options.rate / options.cpus.size());
  std::vector<Result<uint64_t>> results(options.cpus.size(), uint64_t{0});
  std::vector<std::thread> threads;
  for (size_t i = 0; i < options.cpus.size(); ++i)
    threads.emplace_back([&, i] {
      results[i] = [&]() -> Result<uint64_t> {
        if (auto entered = generator_netns.enter(); !entered) return forward(entered);
        if (auto pinned = pin_to(options.cpus[i]); !pinned) return forward(pinned);
        return options.rate == 0 ? flood(kernel, deadline) : keep_rate(kernel, share, deadline);
      }();
    });
  for (std::thread& thread : threads)
    thread.join();
  uint64_t sent = 0;
  for (const Result<uint64_t>& result : results) {
    if (!result) return forward(result);
    sent += *result;
  }
  return sent;
}

Result<Report> run(const RelayOptions& options, const Traffic& traffic, const KernelSide& kernel) {
  const auto blast_for = [&](Clock::duration duration) {
    return blast_from_all(kernel, options, *traffic.generator_netns, duration);
  };
  if (auto warm = blast_for(kWarmUp); !warm) return forward(warm);
  std::this_thread::sleep_for(kDrain);

  const Delivered before = kernel.delivered();
  const Histogram delays_before = kernel.delays();
  const Clock::time_point start = Clock::now();
  auto sent = blast_for(std::chrono::seconds(options.seconds));
  if (!sent) return forward(sent);
  Report report;
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  report.sent = *sent;
  const Delivered after = kernel.delivered();
  report.delivered = after.packets - before.packets;
  report.delivered_bytes = after.bytes - before.bytes;
  std::this_thread::sleep_for(kDrain);
  report.delivered_all = kernel.delivered().packets - before.packets;
  if (options.delay) (report.delay = kernel.delays())->operator-=(delays_before);
  return report;
}

}  // namespace

double Report::loss() const {
  return sent == 0 ? 0 : 1 - std::min(1.0, static_cast<double>(delivered_all) / static_cast<double>(sent));
}

Result<Report> measure(const RelayOptions& options) {
  const Clock::time_point start = Clock::now();
  auto namespaces = Namespaces::open(options);
  if (!namespaces) return forward(namespaces);
  auto flows = Flows::set_up(options, *namespaces);
  if (!flows) return forward(flows);
  auto traffic = plan_traffic(options, *namespaces, **flows);
  if (!traffic) return forward(traffic);
  std::optional<StandIn> stand_in;
  if (!options.needs_relay()) {
    auto attached = StandIn::attach(options, *namespaces);
    if (!attached) return forward(attached);
    stand_in.emplace(std::move(*attached));
  }
  auto kernel = KernelSide::attach(options, *traffic);
  if (!kernel) return forward(kernel);
  const std::chrono::duration<double> set_up = Clock::now() - start;
  auto report = run(options, *traffic, *kernel);
  if (report) report->set_up_seconds = set_up.count();
  return report;
}

nlohmann::json to_json(const RelayOptions& options, const Report& report) {
  nlohmann::json json{{"direction", name_of(options.direction)},
                      {"framing", name_of(options.framing)},
                      {"profile", name_of(options.profile)},
                      {"size", size_mix(options.profile, options.size).mean()},
                      {"flows", options.flows},
                      {"bindings", options.bindings},
                      {"active", options.active},
                      {"rate", options.rate},
                      {"cpus", options.cpus},
                      {"set_up_seconds", report.set_up_seconds},
                      {"seconds", report.seconds},
                      {"sent", report.sent},
                      {"delivered", report.delivered_all},
                      {"sent_pps", report.sent_pps()},
                      {"delivered_pps", report.delivered_pps()},
                      {"loss", report.loss()},
                      {"payload_bits_per_second", report.payload_bits_per_second()}};
  if (options.direction == Direction::kHairpin) json["pairs"] = name_of(options.pairs);
  if (report.delay) json["delay_ns"] = to_json(*report.delay);
  return json;
}

}  // namespace turnpike::load
