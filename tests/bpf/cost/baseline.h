// SPDX-License-Identifier: Apache-2.0
//
// What each path cost when that was last agreed to: a committed file of JSON, one path a line. Counts depend
// on the compiler, whose major version stands in the file, and on nothing else.
#pragma once

#include <nlohmann/json.hpp>

#include "path_cost.h"

namespace turnpike::bpf_test {

struct PathReport {
  std::string name;
  std::string row;
  std::string reason;
  PathCost cost;
  std::optional<uint32_t> nanoseconds;
};

nlohmann::ordered_json to_json(const std::vector<PathReport>& reports, const std::string& compiler);

class Baseline {
 public:
  static Result<Baseline> read(const std::string& file);
  // Without times, which differ from run to run.
  static Result<void> write(const std::string& file, const std::vector<PathReport>& reports,
                            const std::string& compiler);

  const std::string& compiler() const { return compiler_; }

  struct Verdict {
    std::vector<std::string> dearer;   // and paths that are only here or only there: the check fails
    std::vector<std::string> cheaper;  // by more than the allowance: worth writing down
  };
  // Look-ups and helpers may not be more; instructions by kAllowance at most.
  Verdict judge(const std::vector<PathReport>& reports) const;
  static constexpr double kAllowance = 0.03;

 private:
  std::string compiler_;
  std::map<std::string, PathCost> paths_;
};

}  // namespace turnpike::bpf_test
