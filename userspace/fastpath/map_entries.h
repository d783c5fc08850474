// SPDX-License-Identifier: Apache-2.0
//
// read_all(): the whole of a hash map in the kernel, by batches. What others write meanwhile may be missing.
#pragma once

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "util/result.h"

namespace turnpike::fastpath {

template <class Key, class Value>
struct MapEntry {
  Key key;
  Value value;
};

template <class Key, class Value>
Result<std::vector<MapEntry<Key, Value>>> read_all(int map) {
  constexpr uint32_t kBatch = 4096;  // more than one bucket ever holds, which the kernel gives whole
  std::vector<MapEntry<Key, Value>> entries;
  std::vector<Key> keys(kBatch);
  std::vector<Value> values(kBatch);
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  uint32_t bucket = 0;
  for (bool first = true, more = true; more; first = false) {
    uint32_t count = kBatch;
    const int error = bpf_map_lookup_batch(map, first ? nullptr : &bucket, &bucket, keys.data(),
                                           values.data(), &count, &options);
    if (error != 0 && error != -ENOENT) return fail_errno(-error, "reading a BPF map");
    more = error == 0;
    for (uint32_t i = 0; i < count; ++i)
      entries.push_back({keys[i], values[i]});
  }
  return entries;
}

}  // namespace turnpike::fastpath
