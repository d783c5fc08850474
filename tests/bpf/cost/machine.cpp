// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "arithmetic.h"

namespace turnpike::bpf_test {
namespace {

constexpr uint64_t kEndless = 1'000'000;  // instructions: no packet takes a hundredth
constexpr uint64_t kLowHalf = 0xffffffff;

bool within(uint64_t address, uint64_t size, const void* memory, uint64_t length) {
  const auto begin = reinterpret_cast<uint64_t>(memory);
  return address >= begin && address <= begin + length && size <= begin + length - address;
}

uint64_t read(uint64_t address, uint32_t bytes) {
  uint64_t word = 0;
  std::memcpy(&word, reinterpret_cast<const void*>(address), bytes);
  return word;
}

void write(uint64_t address, uint64_t word, uint32_t bytes) {
  std::memcpy(reinterpret_cast<void*>(address), &word, bytes);
}

}  // namespace

Machine::Machine(std::vector<bpf_insn> code, XdpFrame& frame, ShadowMaps& maps, Helpers& helpers)
    : code_(std::move(code)), frame_(frame), maps_(maps), helpers_(helpers) {}

Result<Execution> Machine::run() {
  registers_ = {};
  registers_[BPF_REG_1] = reinterpret_cast<uint64_t>(frame_.context());
  registers_[BPF_REG_10] = reinterpret_cast<uint64_t>(stack_.data()) + stack_.size();
  callers_.clear();
  executions_.assign(code_.size(), 0);
  next_ = 0;
  done_ = false;
  Execution execution;
  while (!done_) {
    at_ = next_++;
    if (at_ >= code_.size()) return fault("the program's end was overrun");
    ++executions_[at_];
    if (const auto stepped = step(); !stepped) return forward(stepped);
    if (++execution.instructions > kEndless) return fault("no end in sight");
  }
  execution.verdict = static_cast<uint32_t>(registers_[BPF_REG_0]);
  return execution;
}

tl::unexpected<Error> Machine::fault(const std::string& what) const {
  const std::string code = at_ < code_.size() ? " (code " + std::to_string(code_[at_].code) + ")" : "";
  return fail(ErrorCode::kInvalid, "instruction " + std::to_string(at_) + code + ": " + what);
}

bool Machine::may_access(uint64_t address, uint64_t size, bool writes) const {
  return within(address, size, stack_.data(), stack_.size()) || frame_.contains(address, size) ||
         maps_.contains(address, size) || helpers_.contains(address, size) ||
         (!writes && within(address, size, frame_.context(), sizeof(xdp_md)));
}

Result<void> Machine::step() {
  const bpf_insn& instruction = code_[at_];
  switch (BPF_CLASS(instruction.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      if (!calculate(instruction)) return fault("no such arithmetic");
      return {};
    case BPF_LD:
      return load_constant(instruction);
    case BPF_LDX:
      return load(instruction);
    case BPF_ST:
    case BPF_STX:
      return store(instruction);
    default:
      return jump(instruction);
  }
}

bool Machine::calculate(const bpf_insn& instruction) {
  const uint64_t source =
      BPF_SRC(instruction.code) == BPF_X ? registers_[instruction.src_reg] : extend_sign(instruction.imm, 4);
  const auto result = compute(instruction, registers_[instruction.dst_reg], source);
  if (result) registers_[instruction.dst_reg] = *result;
  return result.has_value();
}

// Two words of code: a number, a map, or the address of a value in one (global data).
Result<void> Machine::load_constant(const bpf_insn& instruction) {
  if (instruction.code != (BPF_LD | BPF_IMM | BPF_DW) || next_ >= code_.size())
    return fault("no such constant");
  const auto low = static_cast<uint32_t>(instruction.imm), high = static_cast<uint32_t>(code_[next_].imm);
  ++next_;
  uint64_t& destination = registers_[instruction.dst_reg];
  if (instruction.src_reg == 0) {
    destination = uint64_t{high} << 32 | low;
    return {};
  }
  if (!maps_.has(instruction.imm)) return fault("a constant that is neither a number nor a map");
  destination = low;
  if (instruction.src_reg == BPF_PSEUDO_MAP_FD) return {};
  const uint32_t first = 0;
  const uint8_t* value =
      instruction.src_reg == BPF_PSEUDO_MAP_VALUE ? maps_.find(instruction.imm, &first) : nullptr;
  if (!value) return fault("no global data in " + maps_.name(instruction.imm));
  destination = reinterpret_cast<uint64_t>(value) + high;
  return {};
}

Result<void> Machine::load(const bpf_insn& instruction) {
  constexpr uint8_t kMemorySigned = 0x80;  // BPF_MEMSX
  const uint8_t mode = BPF_MODE(instruction.code);
  const uint32_t bytes = width(instruction);
  const uint64_t address = registers_[instruction.src_reg] + extend_sign(instruction.off, 2);
  if (mode != BPF_MEM && mode != kMemorySigned) return fault("no such load");
  if (!may_access(address, bytes, false)) return fault("a load from outside of all that is the program's");
  const uint64_t word = read(address, bytes);
  registers_[instruction.dst_reg] = mode == BPF_MEM ? word : extend_sign(word, bytes);
  return {};
}

Result<void> Machine::store(const bpf_insn& instruction) {
  const bool of_register = BPF_CLASS(instruction.code) == BPF_STX;
  const uint8_t mode = BPF_MODE(instruction.code);
  const uint64_t address = registers_[instruction.dst_reg] + extend_sign(instruction.off, 2);
  if (!may_access(address, width(instruction), true))
    return fault("a store to outside of all that is the program's");
  if (mode == BPF_ATOMIC && of_register) {
    if (!operate_atomically(instruction, address)) return fault("no such atomic operation");
    return {};
  }
  if (mode != BPF_MEM) return fault("no such store");
  write(address, of_register ? registers_[instruction.src_reg] : extend_sign(instruction.imm, 4),
        width(instruction));
  return {};
}

bool Machine::operate_atomically(const bpf_insn& instruction, uint64_t address) {
  const uint32_t bytes = width(instruction);
  const uint64_t before = read(address, bytes);
  const uint64_t compared = bytes == 4 ? registers_[BPF_REG_0] & kLowHalf : registers_[BPF_REG_0];
  const auto after = exchange(instruction, before, registers_[instruction.src_reg], compared);
  if (!after || bytes < 4) return false;
  write(address, *after, bytes);
  if (instruction.imm == BPF_CMPXCHG)
    registers_[BPF_REG_0] = before;
  else if (instruction.imm & BPF_FETCH)
    registers_[instruction.src_reg] = before;
  return true;
}

Result<void> Machine::jump(const bpf_insn& instruction) {
  switch (BPF_OP(instruction.code)) {
    case BPF_CALL:
      return call(instruction);
    case BPF_EXIT:
      leave();
      return {};
    case BPF_JA:
      next_ +=
          static_cast<size_t>(BPF_CLASS(instruction.code) == BPF_JMP ? instruction.off : instruction.imm);
      return {};
    default:
      break;
  }
  const uint64_t other =
      BPF_SRC(instruction.code) == BPF_X ? registers_[instruction.src_reg] : extend_sign(instruction.imm, 4);
  const auto taken = jumps(instruction, registers_[instruction.dst_reg], other);
  if (!taken) return fault("no such jump");
  if (*taken) next_ += static_cast<size_t>(instruction.off);
  return {};
}

Result<void> Machine::call(const bpf_insn& instruction) {
  if (instruction.src_reg == 0) {
    const auto returned = helpers_.call(instruction.imm, &registers_[BPF_REG_1]);
    if (!returned) return fault(returned.error().message);
    registers_[BPF_REG_0] = *returned;
    return {};
  }
  if (instruction.src_reg != BPF_PSEUDO_CALL) return fault("a call of a kernel function, which is not here");
  if (callers_.size() + 1 >= kDepth) return fault("calls deeper than the kernel allows");
  Caller& caller = callers_.emplace_back();
  caller.next = next_;
  std::copy_n(&registers_[BPF_REG_6], caller.saved.size(), caller.saved.begin());
  registers_[BPF_REG_10] -= kStack;
  next_ += static_cast<size_t>(instruction.imm);
  return {};
}

void Machine::leave() {
  done_ = callers_.empty();
  if (done_) return;
  std::copy_n(callers_.back().saved.begin(), callers_.back().saved.size(), &registers_[BPF_REG_6]);
  next_ = callers_.back().next;
  callers_.pop_back();
}

}  // namespace turnpike::bpf_test
