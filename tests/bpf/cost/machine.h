// SPDX-License-Identifier: Apache-2.0
//
// Machine: runs an XDP program in this process, one instruction at a time, and counts them: no counter of the
// hardware is needed, and the count is the same on every machine. The instructions are those that libbpf
// hands to the kernel: with subprograms and map references, before the verifier removes what cannot be
// reached and inlines look-ups in arrays. For measuring and for tests only.
#pragma once

#include <linux/bpf.h>

#include <array>
#include <vector>

#include "helpers.h"

namespace turnpike::bpf_test {

struct Execution {
  uint32_t verdict = 0;       // r0 of the program, enum xdp_action
  uint64_t instructions = 0;  // a 64-bit constant, of two words, is one
};

class Machine {
 public:
  Machine(std::vector<bpf_insn> code, XdpFrame& frame, ShadowMaps& maps, Helpers& helpers);

  // On the packet that the frame holds. What no verified program does is an error and names the instruction:
  // an access outside of the frame, the stack and map values, an unknown instruction or helper, no end.
  Result<Execution> run();

  // Of the last run: how often each instruction of code() was executed.
  const std::vector<uint64_t>& executions() const { return executions_; }
  const std::vector<bpf_insn>& code() const { return code_; }

 private:
  static constexpr size_t kStack = 512;  // bytes a frame
  static constexpr size_t kDepth = 8;    // frames
  struct Caller {
    size_t next;
    std::array<uint64_t, 5> saved;  // r6 to r10
  };

  Result<void> step();
  bool calculate(const bpf_insn& instruction);
  Result<void> load_constant(const bpf_insn& instruction);
  Result<void> load(const bpf_insn& instruction);
  Result<void> store(const bpf_insn& instruction);
  bool operate_atomically(const bpf_insn& instruction, uint64_t address);
  Result<void> jump(const bpf_insn& instruction);
  Result<void> call(const bpf_insn& instruction);
  void leave();
  bool may_access(uint64_t address, uint64_t size, bool writes) const;
  tl::unexpected<Error> fault(const std::string& what) const;

  std::vector<bpf_insn> code_;
  std::vector<uint64_t> executions_;
  XdpFrame& frame_;
  ShadowMaps& maps_;
  Helpers& helpers_;
  std::array<uint64_t, 11> registers_{};
  alignas(16) std::array<uint8_t, kStack * kDepth> stack_{};
  std::vector<Caller> callers_;
  size_t at_ = 0, next_ = 0;
  bool done_ = false;
};

}  // namespace turnpike::bpf_test
