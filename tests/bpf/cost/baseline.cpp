// SPDX-License-Identifier: Apache-2.0
#include "baseline.h"

#include <cerrno>
#include <fstream>

namespace turnpike::bpf_test {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const PathCost& cost) {
  return {{"instructions", cost.instructions}, {"lookups", cost.lookups}, {"helpers", cost.helpers}};
}

// What of one path is more than it was, and what less, as text.
struct Changes {
  std::string more, less;
};

void add(std::string& text, const std::string& what, uint64_t now, uint64_t then) {
  text += (text.empty() ? "" : "; ") + std::to_string(now) + " " + what + ", was " + std::to_string(then);
}

void compare_instructions(uint64_t now, uint64_t then, Changes& changes) {
  const double change = static_cast<double>(now) / static_cast<double>(then) - 1;
  if (change > Baseline::kAllowance) add(changes.more, "instructions", now, then);
  if (-change > Baseline::kAllowance) add(changes.less, "instructions", now, then);
}

void compare_counts(const std::string& what, const Helpers::Counts& now, const Helpers::Counts& then,
                    Changes& changes) {
  const auto count_in = [](const Helpers::Counts& counts, const std::string& name) {
    const auto at = counts.find(name);
    return at == counts.end() ? 0 : at->second;
  };
  for (const auto& [name, count] : now)
    if (const uint64_t before = count_in(then, name); count > before)
      add(changes.more, what + name, count, before);
  for (const auto& [name, before] : then)
    if (const uint64_t count = count_in(now, name); count < before)
      add(changes.less, what + name, count, before);
}

void judge_path(const std::string& path, const PathCost& now, const PathCost& then,
                Baseline::Verdict& verdict) {
  Changes changes;
  compare_instructions(now.instructions, then.instructions, changes);
  compare_counts("look-ups in ", now.lookups, then.lookups, changes);
  compare_counts("calls of ", now.helpers, then.helpers, changes);
  if (!changes.more.empty()) verdict.dearer.push_back(path + ": " + changes.more);
  if (!changes.less.empty()) verdict.cheaper.push_back(path + ": " + changes.less);
}

}  // namespace

ordered_json to_json(const std::vector<PathReport>& reports, const std::string& compiler) {
  ordered_json paths = ordered_json::object();
  for (const PathReport& report : reports) {
    ordered_json path = {{"row", report.row}, {"reason", report.reason}};
    path.update(to_json(report.cost));
    if (report.nanoseconds) path["nanoseconds"] = *report.nanoseconds;
    paths[report.name] = path;
  }
  return {{"compiler", compiler}, {"paths", paths}};
}

Result<Baseline> Baseline::read(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return fail_errno(errno, "reading " + file);
  const auto json = ordered_json::parse(stream, nullptr, false);
  const auto broken = [&](const std::string& what) {
    return fail(ErrorCode::kInvalid, file + ": expected " + what + ", as turnpike-paths --update writes it");
  };
  if (!json.is_object() || !json.contains("compiler") || !json["compiler"].is_string() ||
      !json.contains("paths") || !json["paths"].is_object())
    return broken("an object of compiler and paths");
  Baseline baseline;
  baseline.compiler_ = json["compiler"];
  for (const auto& [name, path] : json["paths"].items()) {
    PathCost& cost = baseline.paths_[name];
    try {
      path.at("instructions").get_to(cost.instructions);
      path.at("lookups").get_to(cost.lookups);
      path.at("helpers").get_to(cost.helpers);
    } catch (const ordered_json::exception&) {
      return broken("instructions, lookups and helpers of \"" + name + "\"");
    }
  }
  return baseline;
}

Result<void> Baseline::write(const std::string& file, const std::vector<PathReport>& reports,
                             const std::string& compiler) {
  std::ofstream stream(file);
  stream << "{\"compiler\": " << ordered_json(compiler).dump() << ", \"paths\": {";
  const char* separator = "\n";
  for (const PathReport& report : reports) {
    stream << separator << "  " << ordered_json(report.name).dump() << ": " << to_json(report.cost).dump();
    separator = ",\n";
  }
  stream << "\n}}\n";
  if (!stream.flush()) return fail_errno(errno, "writing " + file);
  return {};
}

Baseline::Verdict Baseline::judge(const std::vector<PathReport>& reports) const {
  Verdict verdict;
  std::map<std::string, PathCost> left = paths_;
  for (const PathReport& report : reports) {
    const auto then = left.find(report.name);
    if (then == left.end()) {
      verdict.dearer.push_back(report.name + ": not in the baseline");
      continue;
    }
    judge_path(report.name, report.cost, then->second, verdict);
    left.erase(then);
  }
  for (const auto& [name, cost] : left)
    verdict.dearer.push_back(name + ": in the baseline, but no path any more");
  return verdict;
}

}  // namespace turnpike::bpf_test
