// SPDX-License-Identifier: Apache-2.0
//
// The maps of this relay as pins in a directory: what they must look like, and how a BPF object is given
// those that are there already.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "util/fd.h"
#include "util/result.h"

struct bpf_object;

namespace turnpike::fastpath {

class Bpffs;

struct MapLayout {
  std::string name;
  uint32_t type = 0;  // BPF_MAP_TYPE_*
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  uint32_t flags = 0;
  uint32_t max_entries = 0;
  // One can go on where the other was, whatever their numbers of entries.
  bool fits(const MapLayout& other) const;
};

std::string map_pin(const std::string& directory, const std::string& name);  // DIRECTORY/map-NAME

// Those that `object` has, but for the ones in which libbpf keeps a program's constants and variables.
std::vector<MapLayout> layouts_of(const bpf_object* object);
// Of a map in the kernel, whose name there may be cut short.
Result<MapLayout> layout_of(int map);

// A new map.
Result<UniqueFd> create_map(const MapLayout& layout);
// The pinned map of an earlier process, or a new one that is pinned now.
Result<UniqueFd> open_or_create_map(const Bpffs& bpffs, const MapLayout& layout);

struct MapSize {
  std::string name;
  uint32_t max_entries;
};

// To be called before `object` is loaded: what an earlier process pinned becomes its maps, with the number of
// entries that they have; a size in `sizes` that differs is warned of. The others will have that size.
Result<void> reuse_maps(bpf_object* object, const Bpffs& bpffs, const std::vector<MapSize>& sizes);
// To be called when `object` was loaded: pins what is not pinned yet. After an error nothing new is pinned.
Result<void> pin_maps(bpf_object* object, const Bpffs& bpffs);

}  // namespace turnpike::fastpath
