// SPDX-License-Identifier: Apache-2.0
//
// turnpike-paths: what each path through the XDP program costs, and whether one got dearer. Needs root.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>

#include "../model.h"
#include "baseline.h"
#include "paths.h"

namespace turnpike::bpf_test {
namespace {

constexpr int kFailed = 1;
constexpr size_t kRounds = 5;
constexpr int kSkipped = 77;  // by ctest's property SKIP_RETURN_CODE

struct Options {
  std::string program;  // as it was called
  std::string baseline = TURNPIKE_PATH_BASELINE;
  std::string json;
  std::string profile;
  size_t runs = 0;
  bool check = false;
  bool update = false;
};

int complain(const std::string& message) {
  std::fprintf(stderr, "turnpike-paths: %s\n", message.c_str());
  return kFailed;
}

tl::unexpected<Error> explain(const Path& path, const Error& error) {
  return fail(error.code, path.name + " (row " + path.row.name + "): " + error.message);
}

Result<PathReport> report_on(PathMeter& meter, const Path& path) {
  auto cost = meter.measure(path.row);
  if (!cost) return explain(path, cost.error());
  // RelayProgram tells of what went wrong as a test does.
  if (testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed())
    return explain(path, {ErrorCode::kSystem, "the kernel refused, see above"});
  return PathReport{path.name, path.row.name, name_of(path.row.reason), std::move(*cost), {}};
}

// The lowest of some rounds' medians: what else the machine does only adds, and seldom to all rounds.
Result<void> time_all(PathMeter& meter, const std::vector<Path>& paths, size_t runs,
                      std::vector<PathReport>& reports) {
  for (size_t round = 0; round < kRounds; ++round)
    for (size_t i = 0; i < paths.size(); ++i) {
      const auto median = meter.time(paths[i].row, runs / kRounds);
      if (!median) return explain(paths[i], median.error());
      reports[i].nanoseconds = std::min(*median, reports[i].nanoseconds.value_or(*median));
    }
  return {};
}

Result<std::vector<Path>> known_paths() {
  std::vector<std::string> missing;
  std::vector<Path> paths = all_paths(missing);
  if (missing.empty()) return paths;
  return fail(ErrorCode::kNotFound,
              "the table has no row " + missing.front() + ": name another in tests/bpf/cost/paths.cpp");
}

// A line for each instruction that the packet of one path executed: index, how often, the instruction's
// bytes.
Result<void> print_profile(const std::string& name) {
  const auto paths = known_paths();
  if (!paths) return forward(paths);
  const auto path =
      std::find_if(paths->begin(), paths->end(), [&](const Path& each) { return each.name == name; });
  if (path == paths->end())
    return fail(ErrorCode::kNotFound, "no path \"" + name + "\": the table has their names");
  auto program = RelayProgram::create();
  if (!program) return forward(program);
  auto meter = PathMeter::create(**program);
  if (!meter) return forward(meter);
  const auto cost = (*meter)->measure(path->row);
  if (!cost) return forward(cost);
  const auto& code = (*meter)->machine().code();
  for (size_t i = 0; i < code.size(); ++i) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, &code[i], sizeof(bytes));
    std::printf("%zu %lu %016lx\n", i, (*meter)->machine().executions()[i], __builtin_bswap64(bytes));
  }
  return {};
}

Result<std::vector<PathReport>> report_on_all(size_t runs) {
  const auto paths = known_paths();
  if (!paths) return forward(paths);
  auto program = RelayProgram::create();
  if (!program) return forward(program);
  auto meter = PathMeter::create(**program);
  if (!meter) return forward(meter);
  std::vector<PathReport> reports;
  for (const Path& path : *paths) {
    auto report = report_on(**meter, path);
    if (!report) return forward(report);
    reports.push_back(std::move(*report));
  }
  if (runs == 0) return reports;
  const auto timed = time_all(**meter, *paths, runs, reports);
  if (!timed) return forward(timed);
  return reports;
}

std::string join(const Helpers::Counts& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    text += (text.empty() ? "" : ", ") + name + (count > 1 ? " " + std::to_string(count) : "");
  return text;
}

uint64_t sum(const Helpers::Counts& counts) {
  uint64_t total = 0;
  for (const auto& [name, count] : counts)
    total += count;
  return total;
}

void print_table(const std::vector<PathReport>& reports) {
  std::printf("%-60s %6s %8s %8s %6s  %s\n", "path", "instr.", "look-ups", "helpers", "ns",
              "look-ups by map; helpers");
  for (const PathReport& report : reports) {
    const std::string time = report.nanoseconds ? std::to_string(*report.nanoseconds) : "-";
    std::printf("%-60s %6lu %8lu %8lu %6s  %s; %s\n", report.name.c_str(), report.cost.instructions,
                sum(report.cost.lookups), sum(report.cost.helpers), time.c_str(),
                join(report.cost.lookups).c_str(), join(report.cost.helpers).c_str());
  }
}

int check(const Options& options, const std::vector<PathReport>& reports) {
  const auto baseline = Baseline::read(options.baseline);
  if (!baseline) return complain(baseline.error().message);
  if (baseline->compiler() != TURNPIKE_BPF_COMPILER) {
    std::printf("not compared: the baseline is %s's, the program was compiled by %s\n",
                baseline->compiler().c_str(), TURNPIKE_BPF_COMPILER);
    return kSkipped;
  }
  const Baseline::Verdict verdict = baseline->judge(reports);
  for (const std::string& line : verdict.cheaper)
    std::printf("cheaper: %s\n", line.c_str());
  for (const std::string& line : verdict.dearer)
    std::printf("DEARER: %s\n", line.c_str());
  if (verdict.dearer.empty()) {
    std::printf("%zu paths, none dearer than %s allows\n", reports.size(), options.baseline.c_str());
    return 0;
  }
  std::printf(
      "%zu of %zu paths cost more than %s says (more instructions by over %.0f %%, or any more look-up or "
      "call).\n"
      "If that is meant, write the new costs down: sudo %s --update\n",
      verdict.dearer.size(), reports.size(), options.baseline.c_str(), 100 * Baseline::kAllowance,
      options.program.c_str());
  return kFailed;
}

int run(const Options& options) {
  if (!options.profile.empty()) {
    const auto printed = print_profile(options.profile);
    return printed ? 0 : complain(printed.error().message);
  }
  const auto reports = report_on_all(options.runs);
  if (!reports) return complain(reports.error().message);
  if (!options.json.empty()) {
    std::ofstream file(options.json);
    file << to_json(*reports, TURNPIKE_BPF_COMPILER).dump(1) << '\n';
    if (!file.flush()) return complain("cannot write " + options.json);
  }
  if (options.update) {
    const auto written = Baseline::write(options.baseline, *reports, TURNPIKE_BPF_COMPILER);
    if (!written) return complain(written.error().message);
    std::printf("%zu paths written to %s\n", reports->size(), options.baseline.c_str());
    return 0;
  }
  if (options.check) return check(options, *reports);
  print_table(*reports);
  return 0;
}

}  // namespace
}  // namespace turnpike::bpf_test

int main(int argc, char** argv) try {
  turnpike::bpf_test::Options options;
  options.program = argv[0];
  CLI::App app{
      "Prints what each path through the XDP program costs: instructions executed, look-ups by map and "
      "helper\n"
      "calls, counted by an interpreter whose result the kernel confirms for every packet. Needs root.\n"
      "TURNPIKE_RELAY_OBJECT=FILE in the environment measures another relay.bpf.o than the one built in."};
  app.add_option("--time", options.runs,
                 "also the run time in ns: so many test runs a path, in five rounds, the lowest median")
      ->check(CLI::PositiveNumber);
  app.add_option("--profile", options.profile, "how often one path executes each instruction")
      ->type_name("PATH");
  app.add_option("--json", options.json, "write all of it to FILE")->type_name("FILE");
  app.add_option("--baseline", options.baseline, "the counts to compare with")
      ->type_name("FILE")
      ->capture_default_str();
  auto* check = app.add_flag("--check", options.check, "fail when a path is dearer than in the baseline");
  app.add_flag("--update", options.update, "write the counts to the baseline")->excludes(check);
  CLI11_PARSE(app, argc, argv);
  return turnpike::bpf_test::run(options);
} catch (const std::exception& error) {
  std::fprintf(stderr, "turnpike-paths: %s\n", error.what());
  return 1;
}
