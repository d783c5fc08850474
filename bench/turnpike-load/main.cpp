// SPDX-License-Identifier: Apache-2.0
//
// turnpike-load: drives a TURN relay, any, and measures what it does.
#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>

#include "allocation_rate.h"
#include "command_line.h"
#include "holding.h"
#include "measurement.h"

namespace turnpike::load {
namespace {

int print_warnings(enum libbpf_print_level level, const char* format, va_list arguments) {
  return level == LIBBPF_WARN ? std::vfprintf(stderr, format, arguments) : 0;
}

int refuse(const Error& error) {
  std::fprintf(stderr, "turnpike-load: %s\n", error.message.c_str());
  return 1;
}

void print_json(const nlohmann::json& json) {
  std::printf("%s\n", json.dump().c_str());
  std::fflush(stdout);
}

double in_us(uint64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

void print_percentiles(const char* what, const Histogram& histogram) {
  std::printf("%-9s p50 %.1f us, p90 %.1f, p99 %.1f, p99.9 %.1f, most %.1f\n", what,
              in_us(histogram.percentile(0.5)), in_us(histogram.percentile(0.9)),
              in_us(histogram.percentile(0.99)), in_us(histogram.percentile(0.999)),
              in_us(histogram.percentile(1)));
}

int run(const RelayOptions& options) {
  const auto report = measure(options);
  if (!report) return refuse(report.error());
  if (report->sent != 0 && report->delivered_all == 0)
    std::fprintf(
        stderr,
        "turnpike-load: of %llu frames none arrived, though single datagrams did: does the generator's "
        "driver transmit what XDP redirects to it, and does the relay not fragment it?\n",
        static_cast<unsigned long long>(report->sent));
  if (options.json) {
    print_json(to_json(options, *report));
    return 0;
  }
  std::printf("sent      %12.0f packets/s\n", report->sent_pps());
  std::printf("delivered %12.0f packets/s   %.3f Gbit/s of application data\n", report->delivered_pps(),
              report->payload_bits_per_second() / 1e9);
  std::printf("loss      %12.3f %%\n", report->loss() * 100);
  if (report->delay) print_percentiles("delay", *report->delay);
  return 0;
}

int run(const AllocateOptions& options) {
  const auto report = measure(options);
  if (!report) return refuse(report.error());
  if (options.json) {
    print_json(to_json(options, *report));
    return 0;
  }
  std::printf("allocations %10.0f a second, %llu failed\n",
              static_cast<double>(report->allocated) / report->seconds,
              static_cast<unsigned long long>(report->all_failed()));
  print_percentiles("latency", report->latency);
  return 0;
}

int run(const HoldOptions& options) {
  const auto held = hold(options, [&](const Held& all) {
    if (options.json) return print_json({{"held", all.allocations}, {"set_up_seconds", all.seconds}});
    std::printf("%u allocations are there, made in %.3f s\n", all.allocations, all.seconds);
    std::fflush(stdout);
  });
  return held ? 0 : refuse(held.error());
}

int run(int argc, char** argv) {
  const CommandLine line = read_command_line(argc, argv);
  if (!line.run) {
    std::fputs(line.message.c_str(), line.exit_status == 0 ? stdout : stderr);
    return line.exit_status;
  }
  libbpf_set_print(print_warnings);
  return std::visit([](const auto& options) { return run(options); }, line.command);
}

}  // namespace
}  // namespace turnpike::load

int main(int argc, char** argv) try {
  return turnpike::load::run(argc, argv);
} catch (const std::exception& failure) {
  std::fprintf(stderr, "turnpike-load: %s\n", failure.what());
  return 1;
}
