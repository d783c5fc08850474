// SPDX-License-Identifier: Apache-2.0
//
// RelayProgram: the loaded XDP program and its maps, which are pinned so that bpftool can look at them.
#pragma once

#include <memory>
#include <string>

#include "fastpath/xdp_fast_path.h"
#include "util/result.h"

struct relay_bpf;

namespace turnpike::fastpath {

class RelayProgram {
 public:
  // Maps are pinned as DIRECTORY/map-NAME. kUnsupported with the verifier's log; kPermission.
  static Result<RelayProgram> load(const XdpOptions& options, const std::string& directory);

  int program() const;
  int flows() const;
  int bindings() const;
  int allocations() const;
  int next_hops() const;
  int binding_counters() const;
  int reasons() const;

 private:
  struct Destroy {
    void operator()(relay_bpf* skeleton) const;
  };
  using Skeleton = std::unique_ptr<relay_bpf, Destroy>;

  explicit RelayProgram(Skeleton skeleton) : skeleton_(std::move(skeleton)) {}
  Result<void> pin(const std::string& directory) const;

  Skeleton skeleton_;
};

}  // namespace turnpike::fastpath
