// SPDX-License-Identifier: Apache-2.0
//
// RelayProgram: the XDP program loaded, its maps filled from a World, run on one packet at a time by
// BPF_PROG_TEST_RUN. Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN; create() fails with the kernel's word.
#pragma once

#include <array>
#include <map>
#include <memory>

#include "util/result.h"
#include "world.h"

struct bpf_object;
struct bpf_program;
struct relay_bpf;
struct ring_buffer;

namespace turnpike::bpf_test {

struct Outcome {
  uint32_t verdict = 0;  // enum xdp_action
  Octets output;
  uint32_t nanoseconds = 0;  // of one repetition
};

using Reasons = std::array<tp_counter, TP_REASON_COUNT>;

class RelayProgram {
 public:
  static Result<std::unique_ptr<RelayProgram>> create();
  ~RelayProgram();

  // Replaces all that an earlier load put there, counters and events included.
  void load(const World& world);
  // Adds or replaces one flow while packets may flow.
  void set_flow(const World::Flow& flow);
  // `repeat` above 1 feeds each output in again.
  Outcome run(const Octets& packet, uint32_t repeat = 1);
  Reasons reasons() const;  // since load(), summed over CPUs
  tp_allocation_counters counters(uint32_t slot) const;
  tp_allocation allocation(uint32_t slot) const;
  tp_user user(uint32_t slot) const;
  tp_control control() const;
  std::vector<tp_event> events();  // since the last call or load()
  // `bindings` in this process's memory, as userspace writes it while packets flow; nullptr with errno.
  tp_binding* map_bindings();
  // Bytes of code after the verifier and after the JIT compiler.
  std::pair<uint32_t, uint32_t> code_size() const;
  const bpf_object& object() const;
  const bpf_program& code() const;

 private:
  explicit RelayProgram(relay_bpf* skeleton) : skeleton_(skeleton) {}
  relay_bpf* skeleton_;
  ring_buffer* ring_ = nullptr;
  std::vector<tp_event> events_;
};

// Loaded once for all tests of the process; a test failure, not a crash, when it cannot be.
RelayProgram* program();

}  // namespace turnpike::bpf_test
