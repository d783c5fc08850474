// SPDX-License-Identifier: Apache-2.0
#include "fastpath/takeover.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "bpf/abi.h"
#include "fastpath/dispatcher.h"
#include "fastpath/left_neighbours.h"
#include "fastpath/link_hold.h"
#include "fastpath/pinned_maps.h"
#include "fastpath/relay_program.h"
#include "fastpath/session_store.h"
#include "fastpath/steering.h"
#include "util/fd.h"

namespace turnpike::fastpath {
namespace {

constexpr const char* kControl = "control";
constexpr const char* kNextHops = "next_hops";

// Maps that are of use only together: one that is newer than the others would make sense of their contents
// by chance alone.
using Group = std::vector<MapLayout>;

// The XDP program's first.
Result<std::vector<Group>> expected_groups() {
  auto program = RelayProgram::layouts();
  if (!program) return forward(program);
  const auto steering = Steering::layouts();
  if (!steering) return forward(steering);
  std::erase_if(*program, [](const MapLayout& map) { return map.name == kControl; });
  std::vector<Group> groups = {std::move(*program), SessionStore::layouts({})};
  for (const MapLayout& map : *steering)  // each is of use by itself
    groups.push_back({map});
  return groups;
}

// Invalid when there is no such pin.
Result<UniqueFd> open_pin(const std::string& directory, const std::string& name) {
  const std::string pin = map_pin(directory, name);
  UniqueFd map(bpf_obj_get(pin.c_str()));
  if (!map && errno != ENOENT) return fail_errno(errno, "opening " + pin);
  return map;
}

Result<std::string> fault_of_abi(const std::string& directory) {
  const auto control = open_pin(directory, kControl);
  if (!control) return forward(control);
  if (!*control) return "pins without map-control, which would say of which ABI they are";
  const auto layout = layout_of(control->get());
  if (!layout) return layout.error().message;
  uint32_t slot = 0;
  uint32_t version = 0;
  std::vector<char> value(layout->value_size);
  if (layout->key_size != sizeof slot || value.size() < sizeof version ||
      bpf_map_lookup_elem(control->get(), &slot, value.data()) != 0)
    return "pins whose map-control says of no ABI";
  std::memcpy(&version, value.data(), sizeof version);
  if (version == TP_ABI_VERSION) return "";
  return "pins of ABI " + std::to_string(version) + ", this relay's is " + std::to_string(TP_ABI_VERSION);
}

Result<std::string> fault_of_group(const std::string& directory, const Group& group) {
  std::string missing;
  bool any = false;
  for (const MapLayout& expected : group) {
    const auto map = open_pin(directory, expected.name);
    if (!map) return forward(map);
    if (!*map) {
      missing = expected.name;
      continue;
    }
    any = true;
    const auto layout = layout_of(map->get());
    if (!layout) return layout.error().message;
    if (!layout->fits(expected)) return "map-" + expected.name + " of another layout";
  }
  if (!any || missing.empty()) return "";
  return "pins without map-" + missing + ", which belongs to them";
}

// The kernel resolves them for nobody now. What goes wrong here costs a probe now and then.
void release_neighbours(const std::string& directory) {
  const auto pin = open_pin(directory, kNextHops);
  if (!pin || !*pin) return;
  const auto layout = layout_of(pin->get());
  if (!layout || layout->value_size != sizeof(tp_next_hop)) return;
  LeftNeighbours left;
  for (uint32_t slot = 0; slot < layout->max_entries; ++slot) {
    tp_next_hop hop{};
    if (bpf_map_lookup_elem(pin->get(), &slot, &hop) == 0 && hop.generation != 0) left.add(hop);
  }
  auto reader = net::RouteReader::create();
  if (!reader) return;
  const auto known = reader->links();
  if (!known) return;
  Links links;
  for (const net::Link& link : *known)
    links.emplace(link.ifindex, link);
  left.release(*reader, links, [](unsigned, const IpAddress&) { return false; });
}

}  // namespace

Result<std::string> fault_of_pins(const std::string& directory) {
  if (auto fault = fault_of_abi(directory); !fault || !fault->empty()) return fault;
  const auto groups = expected_groups();
  if (!groups) return forward(groups);
  for (const Group& group : *groups)
    if (auto fault = fault_of_group(directory, group); !fault || !fault->empty()) return fault;
  return "";
}

Result<void> mark_abi(const std::string& directory) {
  const auto layouts = RelayProgram::layouts();
  if (!layouts) return forward(layouts);
  const auto layout = std::find_if(layouts->begin(), layouts->end(),
                                   [](const MapLayout& map) { return map.name == kControl; });
  if (layout == layouts->end()) return fail(ErrorCode::kUnsupported, "the XDP program has no map 'control'");
  const auto map = create_map(*layout);
  if (!map) return forward(map);
  const uint32_t slot = 0;
  tp_control control{};
  control.abi_version = TP_ABI_VERSION;
  if (bpf_map_update_elem(map->get(), &slot, &control, BPF_ANY) != 0)
    return fail_errno(errno, "writing the ABI's version into map-control");
  const std::string pin = map_pin(directory, kControl);
  if (bpf_obj_pin(map->get(), pin.c_str()) != 0) return fail_errno(errno, "pinning " + pin);
  return {};
}

void take_off_interfaces(const std::string& directory) {
  for (const unsigned ifindex : pinned_interfaces(directory, LinkHold::kPrefix))
    LinkHold::discard(ifindex, directory);
  for (const unsigned ifindex : pinned_interfaces(directory, DispatcherHold::kPrefix))
    DispatcherHold::discard(ifindex, directory);
}

Result<void> end_forwarding(const std::string& directory) {
  take_off_interfaces(directory);
  release_neighbours(directory);
  const auto groups = expected_groups();
  if (!groups) return forward(groups);
  for (const MapLayout& map : groups->front()) {
    const std::string pin = map_pin(directory, map.name);
    if (unlink(pin.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, "removing " + pin);
  }
  return {};
}

}  // namespace turnpike::fastpath
