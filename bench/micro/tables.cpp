// SPDX-License-Identifier: Apache-2.0
//
// The core's table of allocations, and the kernel's of flows as userspace writes it. The latter needs root,
// and gets a network and a mount namespace of its own.
#include <benchmark/benchmark.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

#include "fastpath/abi_endpoint.h"
#include "fastpath/binding_table.h"
#include "fastpath/steering.h"
#include "messages.h"
#include "turn/allocation_table.h"

namespace turnpike::micro {
namespace {

Endpoint numbered(const char* first, size_t number) {
  const Endpoint endpoint = at(first);
  IpAddress::Storage bytes = endpoint.address.bytes();
  bytes[14] = static_cast<uint8_t>(number >> 8);
  bytes[15] = static_cast<uint8_t>(number);
  return {IpAddress::v6(bytes), static_cast<uint16_t>(endpoint.port + (number >> 16))};
}

turn::Allocation numbered_allocation(size_t number, MonotonicTime now) {
  turn::Allocation allocation;
  allocation.id = {number + 1};
  allocation.five_tuple = {numbered("198.18.0.0:20000", number), at("203.0.113.1:3478"), Transport::kUdp};
  allocation.relayed = numbered("198.19.0.0:50000", number);
  allocation.username = kUsername;
  allocation.expires = now + Seconds(600) + Nanoseconds(number * 1000);
  return allocation;
}

void counts(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("entries")->Arg(1)->Arg(1000)->Arg(100'000);
}

void allocation_table_find(benchmark::State& state) {
  const MonotonicTime now = read_clocks().monotonic;
  turn::AllocationTable table;
  std::vector<FiveTuple> keys;
  for (int64_t i = 0; i < state.range(0); ++i)
    keys.push_back(table.add(numbered_allocation(static_cast<size_t>(i), now)).five_tuple);
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.find(keys[next]));
    next = next + 1 == keys.size() ? 0 : next + 1;
  }
}
BENCHMARK(allocation_table_find)->Apply(counts);

void allocation_table_add_remove(benchmark::State& state) {
  const MonotonicTime now = read_clocks().monotonic;
  turn::AllocationTable table;
  for (int64_t i = 0; i < state.range(0); ++i)
    table.add(numbered_allocation(static_cast<size_t>(i), now));
  for (auto _ : state)
    table.remove(table.add(numbered_allocation(0xffffff, now)));
}
BENCHMARK(allocation_table_add_remove)->Apply(counts);

Result<void> enter_namespaces() {
  if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0) return fail_errno(errno, "a namespace of its own");
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail_errno(errno, "making mounts private");
  return {};
}

// The program's maps, without the program on any interface, and the table that writes them.
class KernelTable {
 public:
  static Result<std::unique_ptr<KernelTable>> create() {
    std::unique_ptr<KernelTable> made(new KernelTable);
    if (const auto loaded = made->load(); !loaded) return forward(loaded);
    return made;
  }
  fastpath::BindingTable& bindings() { return *bindings_; }

 private:
  KernelTable() = default;
  Result<void> load();
  std::optional<fastpath::Bpffs> bpffs_;
  std::unique_ptr<fastpath::Steering> steering_;
  std::optional<fastpath::RelayProgram> program_;
  std::optional<fastpath::BindingTable> bindings_;
};

Result<void> KernelTable::load() {
  if (auto entered = enter_namespaces(); !entered) return entered;
  auto bpffs = fastpath::Bpffs::open("/run/turnpike-micro");
  if (!bpffs) return forward(bpffs);
  bpffs_.emplace(std::move(*bpffs));
  auto steering = fastpath::Steering::create({}, *bpffs_);
  if (!steering) return forward(steering);
  steering_ = std::move(*steering);
  auto program = fastpath::RelayProgram::load({}, *bpffs_);
  if (!program) return forward(program);
  program_.emplace(std::move(*program));
  auto bindings = fastpath::BindingTable::create(*program_);
  if (!bindings) return forward(bindings);
  bindings_.emplace(std::move(*bindings));
  return {};
}

// Made when first asked for, since loading takes long.
Result<KernelTable*> kernel_table() {
  static const auto table = KernelTable::create();
  if (!table) return forward(table);
  return table->get();
}

tp_binding channel_binding(size_t number) {
  tp_binding binding{};
  binding.kind = TP_BINDING_CHANNEL;
  binding.channel = htons(0x4000);
  binding.channel_expires = binding.permission_expires = UINT64_MAX;
  binding.client = fastpath::to_abi(numbered("198.18.0.0:20000", number));
  binding.server = fastpath::to_abi(at("203.0.113.1:3478"));
  binding.relayed = fastpath::to_abi(numbered("198.19.0.0:50000", number));
  binding.peer = fastpath::to_abi(at("192.0.2.20:6000"));
  return binding;
}

// A slot and two flow entries come and go, among at least `entries` that stay.
void kernel_binding_enter_leave(benchmark::State& state) {
  const auto kernel = kernel_table();
  if (!kernel) return state.SkipWithError(kernel.error().message.c_str());
  fastpath::BindingTable& table = (*kernel)->bindings();
  static MonotonicTime now = read_clocks().monotonic;
  for (auto i = static_cast<size_t>(table.use().used); i < static_cast<size_t>(state.range(0)); ++i)
    if (auto entered = table.enter(channel_binding(i), now); !entered)
      return state.SkipWithError(entered.error().message.c_str());
  const tp_binding binding = channel_binding(0xffffff);
  for (auto _ : state) {
    const auto slot = table.enter(binding, now);
    if (!slot) return state.SkipWithError(slot.error().message.c_str());
    table.leave(*slot, now);
    now += Seconds(1);  // so that the slot has rested
  }
}
BENCHMARK(kernel_binding_enter_leave)->Apply(counts);

}  // namespace
}  // namespace turnpike::micro
