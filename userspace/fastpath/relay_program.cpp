// SPDX-License-Identifier: Apache-2.0
#include "fastpath/relay_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "fastpath/libbpf_log.h"
#include "fastpath/takeover.h"
#include "relay.skel.h"

namespace turnpike::fastpath {
namespace {

constexpr unsigned kLogLines = 40;  // a verifier's refusal and the state that led to it
constexpr uint32_t kFlowsOfBinding = 2;
constexpr uint32_t kOwnAddresses = 1024;
constexpr uint32_t kTranslations = 1024;
constexpr uint32_t kVlans = 4096;
constexpr const char* kPorts = "steer";      // Steering's
constexpr const char* kControl = "control";  // Bpffs's, by which it knows its pins

// What bpf/maps.h calls a map, where its descriptor goes, and its size; 0: as it is there.
struct Row {
  const char* name;
  KernelMap RelayMaps::*map;
  uint32_t max_entries;
};

// Bytes of the ring buffer, a power of two: a thousandth of the memory, from 256 KiB to 4 MiB.
uint32_t events_size() {
  struct sysinfo info {};
  uint32_t size = 4 << 20;
  if (sysinfo(&info) != 0) return size;
  const uint64_t memory = uint64_t{info.totalram} * info.mem_unit;
  while (size > 256 << 10 && size > memory / 1000)
    size /= 2;
  return size;
}

std::vector<Row> rows(const XdpOptions& options) {
  return {
      {"flows", &RelayMaps::flows, options.max_bindings * kFlowsOfBinding},
      {"bindings", &RelayMaps::bindings, options.max_bindings},
      {"allocations", &RelayMaps::allocations, options.max_allocations},
      {"allocation_counters", &RelayMaps::allocation_counters, options.max_allocations},
      {"users", &RelayMaps::users, options.max_users},
      {"next_hops", &RelayMaps::next_hops, options.max_next_hops},
      {"blocked", &RelayMaps::blocked, options.max_blocked},
      {"source_budgets", &RelayMaps::source_budgets, options.max_sources},
      {"own_addresses", &RelayMaps::own_addresses, kOwnAddresses},
      {"translations", &RelayMaps::translations, kTranslations},
      {"vlans", &RelayMaps::vlans, kVlans},
      {"events", &RelayMaps::events, events_size()},
      {"control", &RelayMaps::control, 0},
      {"reasons", &RelayMaps::reasons, 0},
  };
}

std::vector<MapSize> sizes(const std::vector<Row>& rows) {
  std::vector<MapSize> sizes;
  for (const Row& row : rows)
    if (row.max_entries != 0) sizes.push_back({row.name, row.max_entries});
  return sizes;
}

Result<RelayMaps> maps_of(const bpf_object* object, const std::vector<Row>& rows) {
  RelayMaps maps;
  for (const Row& row : rows) {
    const bpf_map* map = bpf_object__find_map_by_name(object, row.name);
    if (map == nullptr)
      return fail(ErrorCode::kUnsupported, std::string("the XDP program has no map '") + row.name + "'");
    maps.*row.map = {bpf_map__fd(map), bpf_map__max_entries(map)};
  }
  return maps;
}

Result<void> refusal(int error, const LibbpfLog& log) {
  if (error == -ENOMEM)
    return fail(
        ErrorCode::kExhausted,
        "no memory for the XDP program's maps; lower [fastpath] max_bindings or [limits] allocations");
  return fail(error == -EPERM ? ErrorCode::kPermission : ErrorCode::kUnsupported,
              "the kernel refused the XDP program: " + log.tail(kLogLines));
}

}  // namespace

void RelayProgram::Destroy::operator()(relay_bpf* skeleton) const {
  relay_bpf::destroy(skeleton);
}

Result<RelayProgram> RelayProgram::load(const XdpOptions& options, const Bpffs& bpffs) {
  // libbpf loads once more with the verifier's log when a load is refused, and prints it.
  const LibbpfLog log;
  Skeleton skeleton(relay_bpf::open());
  if (!skeleton) return fail_errno(errno, "opening the XDP program");
  RelayProgram program(std::move(skeleton));
  bpf_object* const object = program.skeleton_->obj;
  program.taken_over_ = static_cast<bool>(bpffs.open_map("flows"));
  const std::vector<Row> maps = rows(options);
  if (auto reused = reuse_maps(object, bpffs, sizes(maps)); !reused) return forward(reused);
  if (const int error = relay_bpf::load(program.skeleton_.get()); error != 0)
    return forward(refusal(error, log));
  auto known = maps_of(object, maps);
  if (!known) return forward(known);
  program.maps_ = *known;
  if (auto pinned = pin_maps(object, bpffs); !pinned) return forward(pinned);
  return program;
}

Result<std::vector<MapLayout>> RelayProgram::layouts() {
  const LibbpfLog log;
  const Skeleton skeleton(relay_bpf::open());
  if (!skeleton) return fail_errno(errno, "opening the XDP program");
  std::vector<MapLayout> layouts = layouts_of(skeleton->obj);
  std::erase_if(layouts, [](const MapLayout& map) { return map.name == kPorts; });
  return layouts;
}

void RelayProgram::remove(const Bpffs& bpffs) {
  take_off_interfaces(bpffs.directory());
  const auto maps = layouts();
  if (!maps) return;
  for (const MapLayout& map : *maps)
    if (map.name != kControl) (void)unlink(map_pin(bpffs.directory(), map.name).c_str());
}

int RelayProgram::program() const {
  return bpf_program__fd(skeleton_->progs.relay);
}

const bpf_object* RelayProgram::object() const {
  return skeleton_->obj;
}

}  // namespace turnpike::fastpath
