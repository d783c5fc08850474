// SPDX-License-Identifier: Apache-2.0
#include "path_cost.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../model.h"

namespace turnpike::bpf_test {
namespace {

// Gives the CPUs that the thread might run on before.
Result<cpu_set_t> stay_on_this_cpu() {
  cpu_set_t only, before;
  if (sched_getaffinity(0, sizeof(before), &before) != 0)
    return fail_errno(errno, "reading the thread's CPUs");
  CPU_ZERO(&only);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &only);
  if (sched_setaffinity(0, sizeof(only), &only) != 0) return fail_errno(errno, "staying on one CPU");
  return before;
}

// As libbpf gave it to the kernel.
std::vector<bpf_insn> code_of(const RelayProgram& program) {
  const bpf_insn* first = bpf_program__insns(&program.code());
  return {first, first + bpf_program__insn_cnt(&program.code())};
}

std::string first_difference(const Octets& ours, const Octets& kernels) {
  if (ours.size() != kernels.size())
    return std::to_string(ours.size()) + " bytes left the interpreter, " + std::to_string(kernels.size()) +
           " the kernel";
  const auto [our, its] = std::mismatch(ours.begin(), ours.end(), kernels.begin());
  if (our == ours.end()) return {};
  return "byte " + std::to_string(our - ours.begin()) + " is " + std::to_string(*our) +
         " in the interpreter, " + std::to_string(*its) + " in the kernel";
}

}  // namespace

PathMeter::PathMeter(RelayProgram& program, std::unique_ptr<XdpFrame> frame, const cpu_set_t& cpus_before)
    : program_(program),
      cpus_before_(cpus_before),
      frame_(std::move(frame)),
      maps_(program.object()),
      helpers_(*frame_, maps_),
      machine_(code_of(program), *frame_, maps_, helpers_) {}

Result<std::unique_ptr<PathMeter>> PathMeter::create(RelayProgram& program) {
  auto frame = XdpFrame::create();
  if (!frame) return forward(frame);
  const auto cpus_before = stay_on_this_cpu();
  if (!cpus_before) return forward(cpus_before);
  return std::unique_ptr<PathMeter>(new PathMeter(program, std::move(*frame), *cpus_before));
}

PathMeter::~PathMeter() {
  sched_setaffinity(0, sizeof(cpus_before_), &cpus_before_);
}

// A Data indication's transaction id is random: a run of the kernel's gives numbers, and the output that they
// lead to.
std::vector<uint32_t> PathMeter::learn_random(const Row& row, Octets& output) {
  const size_t offset = expect(row.world, row.packet).id_offset;
  if (offset == 0) return {};
  program_.load(row.world);
  output = program_.run(row.packet).output;
  std::vector<uint32_t> words(3);
  if (output.size() >= offset + 12) std::memcpy(words.data(), output.data() + offset, 12);
  return words;
}

Result<PathCost> PathMeter::measure(const Row& row) {
  Octets output;
  helpers_.begin(learn_random(row, output));
  program_.load(row.world);
  maps_.forget();
  if (const auto put = frame_->put(row.packet); !put) return forward(put);
  const auto execution = machine_.run();
  if (!execution) return forward(execution);
  const Outcome kernels = program_.run(row.packet);
  if (execution->verdict != kernels.verdict)
    return fail(ErrorCode::kInvalid, "verdict " + std::to_string(execution->verdict) +
                                         " of the interpreter, " + std::to_string(kernels.verdict) +
                                         " of the kernel");
  const std::string bytes = first_difference(frame_->contents(), output.empty() ? kernels.output : output);
  if (!bytes.empty()) return fail(ErrorCode::kInvalid, bytes);
  if (const auto lines = maps_.differences(); !lines.empty()) return fail(ErrorCode::kInvalid, lines.front());
  return PathCost{execution->instructions, helpers_.lookups(), helpers_.calls()};
}

Result<uint32_t> PathMeter::time(const Row& row, size_t runs) {
  program_.load(row.world);
  std::vector<uint32_t> times;
  const uint32_t verdict = program_.run(row.packet).verdict;
  for (size_t i = 0; i < std::max<size_t>(runs, 1); ++i) {
    const Outcome outcome = program_.run(row.packet);
    if (outcome.verdict != verdict)
      return fail(ErrorCode::kInvalid, "verdict " + std::to_string(outcome.verdict) + " of run " +
                                           std::to_string(i + 1) + ", " + std::to_string(verdict) +
                                           " before");
    times.push_back(outcome.nanoseconds);
  }
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

}  // namespace turnpike::bpf_test
