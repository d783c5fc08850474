// SPDX-License-Identifier: Apache-2.0
//
// The interpreter against the kernel on random programs: arithmetic, jumps and atomic operations, those too
// that today's compiler makes nothing of in the relay's program.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <cstdio>
#include <iterator>
#include <optional>
#include <random>
#include <vector>

#include "cost/machine.h"
#include "relay_program.h"

namespace turnpike::bpf_test {
namespace {

constexpr uint8_t kRegisters = 6;  // r0 to r5
constexpr int16_t kSlot = -16;     // on the stack, for atomic operations

class Maker {
 public:
  // `v4`: with signed division, moves that extend the sign and unconditional swaps, for Linux 6.6 and later.
  Maker(uint32_t seed, bool v4) : random_(seed), v4_(v4) {}

  std::vector<bpf_insn> make() {
    for (uint8_t i = 0; i < kRegisters; ++i)
      constant(i);
    add(BPF_STX | BPF_MEM | BPF_DW, 10, 0, kSlot, 0);
    for (int i = 0; i < 40; ++i)
      step();
    fold();
    return code_;
  }

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
  uint8_t any_register() { return static_cast<uint8_t>(below(kRegisters)); }

  void add(uint32_t code, uint8_t destination, uint8_t source, int16_t offset, int32_t immediate) {
    bpf_insn instruction{};
    instruction.code = static_cast<uint8_t>(code);
    instruction.dst_reg = destination & 15;
    instruction.src_reg = source & 15;
    instruction.off = offset;
    instruction.imm = immediate;
    code_.push_back(instruction);
  }

  // Numbers near the edges, too.
  uint64_t number() {
    static constexpr uint64_t kEdges[] = {0,          1,          ~0ull, 1ull << 31, 1ull << 32,
                                          1ull << 63, 0xffffffff, 64,    32};
    if (below(3) == 0) return kEdges[below(std::size(kEdges))];
    return random_() >> below(64);
  }

  void constant(uint8_t to) {
    const uint64_t value = number();
    add(BPF_LD | BPF_IMM | BPF_DW, to, 0, 0, static_cast<int32_t>(value));
    add(0, 0, 0, 0, static_cast<int32_t>(value >> 32));
  }

  void step() {
    switch (below(8)) {
      case 0:
        return swap();
      case 1:
        return jump();
      case 2:
        return atomic();
      case 3:
        return constant(any_register());
      default:
        return arithmetic();
    }
  }

  void arithmetic() {
    static constexpr uint32_t kOperations[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV,  BPF_MOD, BPF_OR, BPF_AND,
                                               BPF_XOR, BPF_LSH, BPF_RSH, BPF_ARSH, BPF_NEG, BPF_MOV};
    const uint32_t operation = kOperations[below(std::size(kOperations))];
    const bool wide = below(2) == 0;
    const uint32_t kind = wide ? BPF_ALU64 : BPF_ALU;
    const bool by_register = operation != BPF_NEG && below(2) == 0;
    const bool divides = operation == BPF_DIV || operation == BPF_MOD;
    int16_t offset = 0;
    if (v4_ && divides) offset = static_cast<int16_t>(below(2));
    if (v4_ && operation == BPF_MOV && by_register && below(2) == 0)
      offset = static_cast<int16_t>(8 << below(wide ? 3 : 2));
    auto immediate = static_cast<int32_t>(number());
    if (operation == BPF_LSH || operation == BPF_RSH || operation == BPF_ARSH) immediate &= wide ? 63 : 31;
    if (divides && immediate == 0) immediate = 7;
    if (by_register || operation == BPF_NEG) immediate = 0;
    add(kind | operation | (by_register ? BPF_X : BPF_K), any_register(),
        by_register ? any_register() : uint8_t{0}, offset, immediate);
  }

  void swap() {
    const int32_t width = 16 << below(3);
    if (v4_ && below(2) == 0) return add(BPF_ALU64 | BPF_END, any_register(), 0, 0, width);
    add(BPF_ALU | BPF_END | (below(2) == 0 ? BPF_TO_BE : BPF_TO_LE), any_register(), 0, 0, width);
  }

  // Over one instruction or none.
  void jump() {
    static constexpr uint32_t kOperations[] = {BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
                                               BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE};
    const uint32_t operation = kOperations[below(std::size(kOperations))];
    const bool by_register = below(2) == 0;
    add((below(2) == 0 ? BPF_JMP : BPF_JMP32) | operation | (by_register ? BPF_X : BPF_K), any_register(),
        by_register ? any_register() : uint8_t{0}, 1, by_register ? 0 : static_cast<int32_t>(number()));
    add(BPF_ALU64 | BPF_ADD | BPF_K, any_register(), 0, 0, 12345);
  }

  void atomic() {
    static constexpr int32_t kOperations[] = {BPF_ADD,
                                              BPF_OR,
                                              BPF_AND,
                                              BPF_XOR,
                                              BPF_ADD | BPF_FETCH,
                                              BPF_OR | BPF_FETCH,
                                              BPF_AND | BPF_FETCH,
                                              BPF_XOR | BPF_FETCH,
                                              BPF_XCHG,
                                              BPF_CMPXCHG};
    add(BPF_STX | BPF_ATOMIC | (below(2) == 0 ? BPF_DW : BPF_W), 10, any_register(), kSlot,
        kOperations[below(std::size(kOperations))]);
  }

  // All of it into the 32 bits that a program returns.
  void fold() {
    for (uint8_t i = 1; i < kRegisters; ++i) {
      add(BPF_ALU64 | BPF_MUL | BPF_K, 0, 0, 0, 31);
      add(BPF_ALU64 | BPF_XOR | BPF_X, 0, i, 0, 0);
    }
    add(BPF_LDX | BPF_MEM | BPF_DW, 1, 10, kSlot, 0);
    add(BPF_ALU64 | BPF_ADD | BPF_X, 0, 1, 0, 0);
    add(BPF_ALU64 | BPF_MOV | BPF_X, 1, 0, 0, 0);
    add(BPF_ALU64 | BPF_RSH | BPF_K, 1, 0, 0, 32);
    add(BPF_ALU64 | BPF_XOR | BPF_X, 0, 1, 0, 0);
    add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }

  std::mt19937_64 random_;
  bool v4_;
  std::vector<bpf_insn> code_;
};

// Nothing when the kernel does not take it.
std::optional<uint32_t> run_in_kernel(const std::vector<bpf_insn>& code) {
  const int loaded =
      bpf_prog_load(BPF_PROG_TYPE_XDP, "random", "Dual BSD/GPL", code.data(), code.size(), nullptr);
  if (loaded < 0) return std::nullopt;
  const Octets packet(64);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(),
              .data_size_in = static_cast<uint32_t>(packet.size()));
  const int error = bpf_prog_test_run_opts(loaded, &options);
  close(loaded);
  if (error != 0) return std::nullopt;
  return options.retval;
}

TEST(MachineRandom, ComputesWhatTheKernelDoes) {
  ASSERT_NE(program(), nullptr);
  const auto frame = XdpFrame::create();
  ASSERT_TRUE(frame);
  ASSERT_TRUE((*frame)->put(Octets(64)));
  ShadowMaps maps(program()->object());
  Helpers helpers(**frame, maps);
  for (const bool v4 : {false, true}) {
    int taken = 0;
    for (uint32_t seed = 1; seed <= 500; ++seed) {
      const std::vector<bpf_insn> code = Maker(seed, v4).make();
      const auto kernels = run_in_kernel(code);
      taken += kernels.has_value();
      if (!kernels) continue;
      const auto execution = Machine(code, **frame, maps, helpers).run();
      ASSERT_TRUE(execution) << "seed " << seed << ": " << execution.error().message;
      EXPECT_EQ(execution->verdict, *kernels) << "seed " << seed << (v4 ? " with" : " without") << " v4";
    }
    // A kernel before 6.6 takes nearly none of the second kind.
    if (!v4) {
      EXPECT_EQ(taken, 500);
    }
    RecordProperty(v4 ? "with_v4" : "without_v4", taken);
    std::printf("%d of 500 programs%s\n", taken, v4 ? " with instructions of v4" : "");
  }
}

}  // namespace
}  // namespace turnpike::bpf_test
