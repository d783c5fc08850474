// SPDX-License-Identifier: Apache-2.0
#include "fastpath/pinned_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>

#include "fastpath/bpffs.h"

namespace turnpike::fastpath {
namespace {

MapLayout layout_of(const bpf_map* map) {
  return {bpf_map__name(map),       bpf_map__type(map),      bpf_map__key_size(map),
          bpf_map__value_size(map), bpf_map__map_flags(map), bpf_map__max_entries(map)};
}

std::string words_of(const MapLayout& layout) {
  return "type " + std::to_string(layout.type) + ", keys of " + std::to_string(layout.key_size) +
         " and values of " + std::to_string(layout.value_size) + " bytes, flags " +
         std::to_string(layout.flags);
}

Result<void> check_fit(const Bpffs& bpffs, const MapLayout& found, const MapLayout& expected) {
  if (found.fits(expected)) return {};
  return fail(ErrorCode::kInvalid, map_pin(bpffs.directory(), expected.name) + " has " + words_of(found) +
                                       "; expected were " + words_of(expected) +
                                       ". Remove the pins in that directory and start again");
}

void warn_of_size(const Bpffs& bpffs, const MapLayout& found, const MapLayout& wanted) {
  if (found.max_entries == wanted.max_entries) return;
  spdlog::warn(
      "{}: {} entries are configured, but it has {} from an earlier start; its size follows the "
      "configuration "
      "after a stop without --keep",
      map_pin(bpffs.directory(), wanted.name), wanted.max_entries, found.max_entries);
}

}  // namespace

bool MapLayout::fits(const MapLayout& other) const {
  return type == other.type && key_size == other.key_size && value_size == other.value_size &&
         flags == other.flags;
}

std::string map_pin(const std::string& directory, const std::string& name) {
  return directory + "/map-" + name;
}

std::vector<MapLayout> layouts_of(const bpf_object* object) {
  std::vector<MapLayout> layouts;
  const bpf_map* map;
  bpf_object__for_each_map(map, object) {
    if (!bpf_map__is_internal(map)) layouts.push_back(layout_of(map));
  }
  return layouts;
}

Result<MapLayout> layout_of(int map) {
  bpf_map_info info{};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(map, &info, &size) != 0)
    return fail_errno(errno, "asking for a BPF map's layout");
  return MapLayout{info.name, info.type, info.key_size, info.value_size, info.map_flags, info.max_entries};
}

Result<UniqueFd> create_map(const MapLayout& layout) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = layout.flags);
  UniqueFd map(bpf_map_create(static_cast<bpf_map_type>(layout.type), layout.name.c_str(), layout.key_size,
                              layout.value_size, layout.max_entries, &options));
  if (!map)
    return fail_errno(errno, "creating the BPF map " + layout.name + " of " +
                                 std::to_string(layout.max_entries) +
                                 " entries (needs CAP_BPF; ENOMEM: lower the limits of the configuration)");
  return map;
}

Result<UniqueFd> open_or_create_map(const Bpffs& bpffs, const MapLayout& layout) {
  if (UniqueFd map = bpffs.open_map(layout.name)) {
    const auto found = layout_of(map.get());
    if (!found) return forward(found);
    if (auto fits = check_fit(bpffs, *found, layout); !fits) return forward(fits);
    warn_of_size(bpffs, *found, layout);
    return map;
  }
  auto map = create_map(layout);
  if (!map) return map;
  const std::string pin = map_pin(bpffs.directory(), layout.name);
  if (bpf_obj_pin(map->get(), pin.c_str()) != 0) return fail_errno(errno, "pinning " + pin);
  return map;
}

Result<void> reuse_maps(bpf_object* object, const Bpffs& bpffs, const std::vector<MapSize>& sizes) {
  for (const MapSize& size : sizes)
    if (bpf_map* map = bpf_object__find_map_by_name(object, size.name.c_str()))
      bpf_map__set_max_entries(map, size.max_entries);
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    if (bpf_map__is_internal(map)) continue;
    const MapLayout expected = layout_of(map);
    const UniqueFd pinned = bpffs.open_map(expected.name);
    if (!pinned) continue;
    const auto found = layout_of(pinned.get());
    if (!found) return forward(found);
    if (auto fits = check_fit(bpffs, *found, expected); !fits) return fits;
    if (std::any_of(sizes.begin(), sizes.end(), [&](const auto& size) { return size.name == expected.name; }))
      warn_of_size(bpffs, *found, expected);
    if (const int error = bpf_map__reuse_fd(map, pinned.get()); error != 0)
      return fail_errno(-error, "using " + map_pin(bpffs.directory(), expected.name) + " again");
  }
  return {};
}

Result<void> pin_maps(bpf_object* object, const Bpffs& bpffs) {
  std::vector<std::string> pinned;
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    if (bpf_map__is_internal(map) || bpffs.open_map(bpf_map__name(map))) continue;
    const std::string pin = map_pin(bpffs.directory(), bpf_map__name(map));
    if (bpf_obj_pin(bpf_map__fd(map), pin.c_str()) == 0) {
      pinned.push_back(pin);
      continue;
    }
    const int error_number = errno;
    for (const std::string& done : pinned)
      (void)unlink(done.c_str());
    return fail_errno(error_number, "pinning " + pin);
  }
  return {};
}

}  // namespace turnpike::fastpath
