// SPDX-License-Identifier: Apache-2.0
//
// Helpers: the kernel's helper functions for an interpreted program, and how often each was called. They work
// on the frame and on the shadow of the maps: nothing that they do is seen outside.
#pragma once

#include <map>

#include "shadow_maps.h"
#include "xdp_frame.h"

namespace turnpike::bpf_test {

class Helpers {
 public:
  Helpers(XdpFrame& frame, ShadowMaps& maps) : frame_(frame), maps_(maps) {}

  // Counts begin anew. `random`: what bpf_get_prandom_u32() gives, one by one, then zeros.
  void begin(std::vector<uint32_t> random);
  // r0 for r1 to r5. A helper that is not here: kUnsupported.
  Result<uint64_t> call(int32_t helper, const uint64_t* arguments);
  // Memory that a helper gave out, but for map values.
  bool contains(uint64_t address, uint64_t size) const;

  using Counts = std::map<std::string, uint64_t>;
  const Counts& lookups() const { return lookups_; }  // by map
  const Counts& calls() const { return calls_; }      // of all other helpers, by name without "bpf_"

 private:
  Result<uint64_t> call_on_map(int32_t helper, const uint64_t* arguments);
  uint64_t reserve(uint64_t size);
  XdpFrame& frame_;
  ShadowMaps& maps_;
  Counts lookups_, calls_;
  std::vector<uint32_t> random_;
  std::vector<Octets> records_;  // of the ring buffer
};

// "map_lookup_elem".
std::string helper_name(int32_t helper);

}  // namespace turnpike::bpf_test
