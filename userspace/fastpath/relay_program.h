// SPDX-License-Identifier: Apache-2.0
//
// RelayProgram: the loaded XDP program and its maps. The maps are pinned, so that they outlive the process
// and bpftool can look at them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fastpath/pinned_maps.h"
#include "fastpath/xdp_fast_path.h"
#include "util/result.h"

struct bpf_object;
struct relay_bpf;

namespace turnpike::fastpath {

struct KernelMap {
  int fd = -1;
  uint32_t max_entries = 0;  // as in the kernel, which need not be what the options say; of `events`: bytes
};

// bpf/maps.h
struct RelayMaps {
  KernelMap flows, bindings, allocations, users, next_hops;
  KernelMap control, allocation_counters, reasons, events;
  KernelMap vlans, translations, own_addresses, blocked, source_budgets;
};

class RelayProgram {
 public:
  // Maps that an earlier process left in `bpffs` are used again; those that are new are pinned there.
  // Steering has been created before: its map of ports is the program's too. kUnsupported with the verifier's
  // log; kPermission; kExhausted: no memory for the maps.
  static Result<RelayProgram> load(const XdpOptions& options, const Bpffs& bpffs);
  // For a start without the XDP program: takes off the interfaces what an earlier process left there, and
  // removes the pins of its maps.
  static void remove(const Bpffs& bpffs);
  // The maps that the program has, without those that it shares with Steering.
  static Result<std::vector<MapLayout>> layouts();

  int program() const;
  const bpf_object* object() const;
  const RelayMaps& maps() const { return maps_; }
  // The maps have contents of an earlier process.
  bool taken_over() const { return taken_over_; }

 private:
  struct Destroy {
    void operator()(relay_bpf* skeleton) const;
  };
  using Skeleton = std::unique_ptr<relay_bpf, Destroy>;

  explicit RelayProgram(Skeleton skeleton) : skeleton_(std::move(skeleton)) {}

  Skeleton skeleton_;
  RelayMaps maps_;
  bool taken_over_ = false;
};

}  // namespace turnpike::fastpath
