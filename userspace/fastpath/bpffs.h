// SPDX-License-Identifier: Apache-2.0
//
// Bpffs: a directory on a BPF file system for this relay's pins, mounted by us when the place has none (a
// fresh network namespace by `ip netns exec` has no /sys/fs/bpf).
#pragma once

#include <string>

#include "util/result.h"

namespace turnpike::fastpath {

class Bpffs {
 public:
  // `directory`: where the pins go, created with mode 0700. When it lies on no bpffs, one is mounted there.
  // Pins of an earlier run in it are removed; removed_stale() tells how many.
  static Result<Bpffs> open(const std::string& directory);
  Bpffs(Bpffs&& other) noexcept;
  Bpffs& operator=(Bpffs&&) = delete;
  // Removes the pins, and the mount if it is ours.
  ~Bpffs();

  const std::string& directory() const { return directory_; }
  bool mounted_by_us() const { return mounted_; }
  unsigned removed_stale() const { return removed_stale_; }

 private:
  Bpffs() = default;
  std::string directory_;
  bool mounted_ = false;
  unsigned removed_stale_ = 0;
};

}  // namespace turnpike::fastpath
