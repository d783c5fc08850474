// SPDX-License-Identifier: Apache-2.0
#include "measurement.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>
#include <vector>

#include "kernel_side.h"

namespace turnpike::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kWarmUp{300};
constexpr std::chrono::milliseconds kDrain{200};
constexpr uint32_t kFramesPerCall = 1u << 16;
constexpr uint64_t kPacingSlots = 1000;  // a rate is kept by bursts a millisecond apart

std::string_view name_of(Direction direction) {
  switch (direction) {
    case Direction::kToPeer:
      return "to-peer";
    case Direction::kToClient:
      return "to-client";
    case Direction::kHairpin:
      return "hairpin";
    case Direction::kForward:
      return "forward";
  }
  return "";
}

Result<void> pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof(set), &set) != 0)
    return fail_errno(errno, "pinning to CPU " + std::to_string(cpu));
  return {};
}

// Frames made until `deadline`.
Result<uint64_t> blast(const KernelSide& kernel, uint64_t rate, Clock::time_point deadline) {
  const Clock::time_point start = Clock::now();
  uint64_t sent = 0;
  while (Clock::now() < deadline) {
    uint64_t count = kFramesPerCall;
    if (rate != 0) {
      const std::chrono::duration<double> elapsed = Clock::now() - start;
      const auto due = static_cast<uint64_t>(elapsed.count() * static_cast<double>(rate));
      if (due < sent + std::max<uint64_t>(1, rate / kPacingSlots)) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        continue;
      }
      count = std::min<uint64_t>(due - sent, kFramesPerCall);
    }
    if (auto made = kernel.generate(static_cast<uint32_t>(count)); !made) return forward(made);
    sent += count;
  }
  return sent;
}

// All CPUs of `options` at once, each with its share of the rate. The frames made, or the first error.
Result<uint64_t> blast_from_all(const KernelSide& kernel, const Options& options,
                                const NetNamespace& generator_netns, Clock::duration duration) {
  const Clock::time_point deadline = Clock::now() + duration;
  const uint64_t share = options.rate == 0 ? 0 : std::max<uint64_t>(1, options.rate / options.cpus.size());
  std::vector<Result<uint64_t>> results(options.cpus.size(), uint64_t{0});
  std::vector<std::thread> threads;
  for (size_t i = 0; i < options.cpus.size(); ++i)
    threads.emplace_back([&, i] {
      results[i] = [&]() -> Result<uint64_t> {
        if (auto entered = generator_netns.enter(); !entered) return forward(entered);
        if (auto pinned = pin_to(options.cpus[i]); !pinned) return forward(pinned);
        return blast(kernel, share, deadline);
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

}  // namespace

double Report::loss() const {
  return sent == 0 ? 0 : 1 - std::min(1.0, static_cast<double>(delivered_all) / static_cast<double>(sent));
}

Result<Report> measure(const Options& options) {
  auto namespaces = Namespaces::open(options);
  if (!namespaces) return forward(namespaces);
  auto flows = set_up_flows(options, *namespaces);
  if (!flows) return forward(flows);
  auto kernel = KernelSide::attach(options, *namespaces, *flows);
  if (!kernel) return forward(kernel);

  const auto blast_for = [&](Clock::duration duration) {
    return blast_from_all(*kernel, options, *flows->generator_netns, duration);
  };
  if (auto warm = blast_for(kWarmUp); !warm) return forward(warm);
  std::this_thread::sleep_for(kDrain);

  const uint64_t before = kernel->delivered();
  const Clock::time_point start = Clock::now();
  auto sent = blast_for(std::chrono::seconds(options.seconds));
  if (!sent) return forward(sent);
  Report report;
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  report.sent = *sent;
  report.delivered = kernel->delivered() - before;
  std::this_thread::sleep_for(kDrain);
  report.delivered_all = kernel->delivered() - before;
  return report;
}

nlohmann::json to_json(const Options& options, const Report& report) {
  return {{"direction", name_of(options.direction)},
          {"size", options.size},
          {"flows", options.flows},
          {"seconds", report.seconds},
          {"sent", report.sent},
          {"delivered", report.delivered_all},
          {"sent_pps", report.sent_pps()},
          {"delivered_pps", report.delivered_pps()},
          {"loss", report.loss()},
          {"payload_bits_per_second", report.delivered_pps() * options.size * 8}};
}

}  // namespace turnpike::load
