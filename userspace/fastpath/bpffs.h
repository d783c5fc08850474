// SPDX-License-Identifier: Apache-2.0
//
// Bpffs: a directory on a BPF file system for this relay's pins, mounted by us when the place has none (a
// fresh network namespace by `ip netns exec` has no /sys/fs/bpf). Pins are named link-*, map-* and prog-*,
// and our-* tells a later process what was made for them; nothing else in the directory is touched. A lock on
// the directory keeps two relays from sharing it.
#pragma once

#include <string>

#include "util/fd.h"
#include "util/result.h"

namespace turnpike::fastpath {

class Bpffs {
 public:
  // `directory`: where the pins go, created with mode 0700. When it lies on no bpffs, one is mounted there,
  // or, where that directory cannot be made (/sys/fs/bpf of a fresh sysfs), on its nearest ancestor if that
  // is empty. Pins of an earlier run of the same TP_ABI_VERSION stay, to be taken over (found() tells); those
  // of another version, or incomplete ones, are removed, and discarded() says why. kInUse: another process
  // holds the directory. kPermission: mounting was refused.
  static Result<Bpffs> open(const std::string& directory);
  Bpffs(Bpffs&& other) noexcept;
  Bpffs& operator=(Bpffs&&) = delete;
  // Removes the pins, and the mount if it is ours, unless they are kept.
  ~Bpffs();

  const std::string& directory() const { return directory_; }
  bool mounted_by_us() const { return !mount_point_.empty(); }
  // There are maps of an earlier process to go on with.
  bool found() const { return found_; }
  // Why earlier pins were removed; empty when none were.
  const std::string& discarded() const { return discarded_; }
  // The pinned map DIRECTORY/map-NAME of an earlier process; invalid when there is none.
  UniqueFd open_map(const std::string& name) const;
  // Whether pins and mount outlive this object. True from the start when something was found, so that a start
  // that fails loses nothing.
  void keep(bool keep) { keep_ = keep; }
  bool kept() const { return keep_; }

 private:
  Bpffs() = default;
  Result<void> make_directory();
  Result<void> mount_at(const std::string& place);
  Result<void> lock();
  Result<void> remember_what_is_ours();
  Result<void> judge_pins();

  std::string directory_;     // empty: moved from
  std::string mount_point_;   // empty: the mount is not ours
  std::string created_from_;  // the uppermost directory that we made, empty when none
  std::string discarded_;
  bool found_ = false;
  bool keep_ = false;
  UniqueFd lock_;
};

}  // namespace turnpike::fastpath
