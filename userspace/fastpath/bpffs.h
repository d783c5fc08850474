// SPDX-License-Identifier: Apache-2.0
//
// Bpffs: a directory on a BPF file system for this relay's pins, mounted by us when the place has none (a
// fresh network namespace by `ip netns exec` has no /sys/fs/bpf). Pins are named link-*, map-* and prog-*;
// nothing else in the directory is touched. A lock on the directory keeps two relays from sharing it.
#pragma once

#include <string>

#include "util/fd.h"
#include "util/result.h"

namespace turnpike::fastpath {

class Bpffs {
 public:
  // `directory`: where the pins go, created with mode 0700. When it lies on no bpffs, one is mounted there,
  // or, where that directory cannot be made (/sys/fs/bpf of a fresh sysfs), on its nearest ancestor if that
  // is empty. Pins of an earlier run in it are removed; removed_stale() tells how many. kInUse: another
  // process holds the directory. kPermission: mounting was refused.
  static Result<Bpffs> open(const std::string& directory);
  Bpffs(Bpffs&& other) noexcept;
  Bpffs& operator=(Bpffs&&) = delete;
  // Removes the pins, and the mount if it is ours.
  ~Bpffs();

  const std::string& directory() const { return directory_; }
  bool mounted_by_us() const { return !mount_point_.empty(); }
  unsigned removed_stale() const { return removed_stale_; }

 private:
  Bpffs() = default;
  Result<void> make_directory();
  Result<void> mount_at(const std::string& place);
  Result<void> lock();

  std::string directory_;     // empty: moved from
  std::string mount_point_;   // empty: the mount is not ours
  std::string created_from_;  // the uppermost directory that we made, empty when none
  unsigned removed_stale_ = 0;
  UniqueFd lock_;
};

}  // namespace turnpike::fastpath
