// SPDX-License-Identifier: Apache-2.0
//
// PathMeter: what one packet costs in the XDP program. It runs the packet in the interpreter and in the
// kernel, and gives a cost only when both came to the same verdict, the same bytes and the same map values.
#pragma once

#include <sched.h>

#include "../relay_program.h"
#include "../relay_rows.h"
#include "machine.h"

namespace turnpike::bpf_test {

struct PathCost {
  uint64_t instructions = 0;
  Helpers::Counts lookups;  // by map
  Helpers::Counts helpers;  // calls of all other helpers
};

class PathMeter {
 public:
  // While it lives the thread stays on one CPU, for per-CPU maps. `program` outlives it.
  static Result<std::unique_ptr<PathMeter>> create(RelayProgram& program);
  ~PathMeter();

  // kInvalid names the first thing in which interpreter and kernel differ.
  Result<PathCost> measure(const Row& row);

  const Machine& machine() const { return machine_; }

  // Median of test runs of one repetition each, in ns with the clock reads around them. The row's world is
  // loaded once: all runs must come to the same verdict, or kInvalid says which came.
  Result<uint32_t> time(const Row& row, size_t runs);

 private:
  PathMeter(RelayProgram& program, std::unique_ptr<XdpFrame> frame, const cpu_set_t& cpus_before);
  std::vector<uint32_t> learn_random(const Row& row, Octets& output);
  RelayProgram& program_;
  cpu_set_t cpus_before_;
  std::unique_ptr<XdpFrame> frame_;
  ShadowMaps maps_;
  Helpers helpers_;
  Machine machine_;
};

}  // namespace turnpike::bpf_test
