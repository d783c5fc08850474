// SPDX-License-Identifier: Apache-2.0
//
// What single BPF instructions compute (RFC 9669), without memory and control flow.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>

namespace turnpike::bpf_test {

// The new value of the destination register; nothing when there is no such instruction.
std::optional<uint64_t> compute(const bpf_insn& instruction, uint64_t destination, uint64_t source);

// Whether a conditional jump is taken; nothing when there is no such instruction.
std::optional<bool> jumps(const bpf_insn& instruction, uint64_t destination, uint64_t source);

// In how many bytes a load or store moves.
constexpr uint32_t width(const bpf_insn& instruction) {
  switch (BPF_SIZE(instruction.code)) {
    case BPF_B:
      return 1;
    case BPF_H:
      return 2;
    case BPF_W:
      return 4;
    default:
      return 8;
  }
}

// The low `bytes` of a word, as a signed number.
constexpr uint64_t extend_sign(uint64_t word, uint32_t bytes) {
  const uint32_t unused = 64 - 8 * bytes;
  return static_cast<uint64_t>(static_cast<int64_t>(word << unused) >> unused);
}

// An atomic operation on what stands in memory: what stands there afterwards. `compared`: r0.
std::optional<uint64_t> exchange(const bpf_insn& instruction, uint64_t memory, uint64_t source,
                                 uint64_t compared);

}  // namespace turnpike::bpf_test
