// SPDX-License-Identifier: Apache-2.0
//
// ShadowMaps: the maps of a loaded object as an interpreted program sees them. What it looks up is read from
// the kernel once and copied; what it writes stays in the copy. So the kernel can run the same packet
// afterwards on maps that are still untouched, and differences() tells whether it left them the same.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../frame.h"
#include "util/result.h"

struct bpf_object;

namespace turnpike::bpf_test {

class ShadowMaps {
 public:
  explicit ShadowMaps(const bpf_object& object);

  // The next look-ups read the kernel's maps again. Pointers given before are dead.
  void forget();
  bool has(int map) const { return maps_.contains(map); }
  const std::string& name(int map) const { return maps_.at(map).name; }
  size_t key_size(int map) const { return maps_.at(map).key_size; }
  size_t value_size(int map) const { return maps_.at(map).value_size; }

  // What the helpers give and do. `map`: a descriptor that the program holds.
  uint8_t* find(int map, const void* key);
  int64_t update(int map, const void* key, const void* value, uint64_t flags);
  int64_t erase(int map, const void* key);

  // Where a load or store may go.
  bool contains(uint64_t address, uint64_t size) const;

  // After the kernel ran the packet too: a line for each value that it left otherwise. Times that both set
  // need only be close to each other.
  std::vector<std::string> differences() const;

 private:
  struct Map {
    std::string name;
    uint32_t type;
    size_t key_size;
    size_t value_size;
  };
  struct Value {
    Octets before;                    // empty: there was none
    std::unique_ptr<uint64_t[]> now;  // null: there is none; aligned as the kernel's
  };
  Octets read(int map, const void* key) const;
  Value& shadow(int map, const void* key);
  void store(Value& value, int map, const uint8_t* bytes);
  std::map<int, Map> maps_;
  std::map<std::pair<int, Octets>, Value> values_;
  std::map<uint64_t, uint64_t> memory_;              // begin and end of all that was given out
  std::vector<std::unique_ptr<uint64_t[]>> erased_;  // the program may hold pointers into them
};

}  // namespace turnpike::bpf_test
