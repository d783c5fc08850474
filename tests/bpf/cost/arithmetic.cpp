// SPDX-License-Identifier: Apache-2.0
#include "arithmetic.h"

#include <type_traits>

namespace turnpike::bpf_test {
namespace {

// An instruction's offset field of 1 makes division signed; of 8, 16 or 32 a move sign-extending.
constexpr int kSigned = 1;

// Division by zero gives 0 and leaves the dividend for a remainder; the quotient of the lowest number and -1
// wraps around.
template <class Word>
Word divide(Word dividend, Word divisor) {
  return divisor == 0 ? 0 : static_cast<Word>(dividend / divisor);
}
template <class Word>
Word remainder(Word dividend, Word divisor) {
  return divisor == 0 ? dividend : static_cast<Word>(dividend % divisor);
}
template <class Word>
Word divide_signed(Word dividend, Word divisor) {
  using Signed = std::make_signed_t<Word>;
  if (divisor == static_cast<Word>(-1)) return static_cast<Word>(0 - dividend);
  return static_cast<Word>(divide(static_cast<Signed>(dividend), static_cast<Signed>(divisor)));
}
template <class Word>
Word remainder_signed(Word dividend, Word divisor) {
  using Signed = std::make_signed_t<Word>;
  if (divisor == static_cast<Word>(-1)) return 0;
  return static_cast<Word>(remainder(static_cast<Signed>(dividend), static_cast<Signed>(divisor)));
}

template <class Word>
std::optional<Word> calculate(const bpf_insn& instruction, Word left, Word right) {
  const bool is_signed = instruction.off == kSigned;
  const Word bits = right & (8 * sizeof(Word) - 1);
  switch (BPF_OP(instruction.code)) {
    case BPF_ADD:
      return left + right;
    case BPF_SUB:
      return left - right;
    case BPF_MUL:
      return left * right;
    case BPF_DIV:
      return is_signed ? divide_signed(left, right) : divide(left, right);
    case BPF_MOD:
      return is_signed ? remainder_signed(left, right) : remainder(left, right);
    case BPF_OR:
      return left | right;
    case BPF_AND:
      return left & right;
    case BPF_XOR:
      return left ^ right;
    case BPF_LSH:
      return left << bits;
    case BPF_RSH:
      return left >> bits;
    case BPF_ARSH:
      return static_cast<Word>(static_cast<std::make_signed_t<Word>>(left) >> bits);
    case BPF_NEG:
      return 0 - left;
    case BPF_MOV:
      return instruction.off == 0
                 ? right
                 : static_cast<Word>(extend_sign(right, static_cast<uint32_t>(instruction.off) / 8));
    default:
      return std::nullopt;
  }
}

// To or from big endian; on this little-endian machine the other kind only truncates. In the 64-bit class
// it swaps always.
std::optional<uint64_t> swap_bytes(const bpf_insn& instruction, uint64_t value) {
  const bool swaps = BPF_CLASS(instruction.code) == BPF_ALU64 || BPF_SRC(instruction.code) == BPF_TO_BE;
  switch (instruction.imm) {
    case 16:
      return swaps ? __builtin_bswap16(static_cast<uint16_t>(value)) : static_cast<uint16_t>(value);
    case 32:
      return swaps ? __builtin_bswap32(static_cast<uint32_t>(value)) : static_cast<uint32_t>(value);
    case 64:
      return swaps ? __builtin_bswap64(value) : value;
    default:
      return std::nullopt;
  }
}

template <class Word>
std::optional<bool> compare(uint8_t operation, Word left, Word right) {
  using Signed = std::make_signed_t<Word>;
  const auto signed_left = static_cast<Signed>(left), signed_right = static_cast<Signed>(right);
  switch (operation) {
    case BPF_JEQ:
      return left == right;
    case BPF_JNE:
      return left != right;
    case BPF_JGT:
      return left > right;
    case BPF_JGE:
      return left >= right;
    case BPF_JLT:
      return left < right;
    case BPF_JLE:
      return left <= right;
    case BPF_JSET:
      return (left & right) != 0;
    case BPF_JSGT:
      return signed_left > signed_right;
    case BPF_JSGE:
      return signed_left >= signed_right;
    case BPF_JSLT:
      return signed_left < signed_right;
    case BPF_JSLE:
      return signed_left <= signed_right;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<uint64_t> compute(const bpf_insn& instruction, uint64_t destination, uint64_t source) {
  if (BPF_OP(instruction.code) == BPF_END) return swap_bytes(instruction, destination);
  if (BPF_CLASS(instruction.code) == BPF_ALU64) return calculate<uint64_t>(instruction, destination, source);
  return calculate<uint32_t>(instruction, static_cast<uint32_t>(destination), static_cast<uint32_t>(source));
}

std::optional<bool> jumps(const bpf_insn& instruction, uint64_t destination, uint64_t source) {
  const uint8_t operation = BPF_OP(instruction.code);
  if (BPF_CLASS(instruction.code) == BPF_JMP) return compare<uint64_t>(operation, destination, source);
  return compare<uint32_t>(operation, static_cast<uint32_t>(destination), static_cast<uint32_t>(source));
}

std::optional<uint64_t> exchange(const bpf_insn& instruction, uint64_t memory, uint64_t source,
                                 uint64_t compared) {
  switch (instruction.imm & ~BPF_FETCH) {
    case BPF_ADD:
      return memory + source;
    case BPF_OR:
      return memory | source;
    case BPF_AND:
      return memory & source;
    case BPF_XOR:
      return memory ^ source;
    case BPF_XCHG & ~BPF_FETCH:
      return source;
    case BPF_CMPXCHG & ~BPF_FETCH:
      return memory == compared ? source : memory;
    default:
      return std::nullopt;
  }
}

}  // namespace turnpike::bpf_test
