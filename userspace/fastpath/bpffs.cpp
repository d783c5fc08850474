// SPDX-License-Identifier: Apache-2.0
#include "fastpath/bpffs.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <vector>

namespace turnpike::fastpath {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLinkPrefix = "link-";
constexpr std::array kPrefixes = {kLinkPrefix, std::string_view("map-"), std::string_view("prog-")};

bool on_bpffs(const std::string& path) {
  struct statfs status {};
  return statfs(path.c_str(), &status) == 0 && static_cast<unsigned long>(status.f_type) == BPF_FS_MAGIC;
}

bool is_empty(const std::string& directory) {
  std::error_code error;
  const bool empty = fs::is_empty(directory, error);
  return !error && empty;
}

// Somebody has pins in it. The kernel itself may put maps.debug and progs.debug there.
bool is_used(const std::string& bpffs) {
  std::error_code error;
  for (fs::directory_iterator entry(bpffs, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() != ".debug") return true;
  return false;
}

// Removing a link's pin detaches its program only some time after; asking for it detaches now, so that the
// hook is free when this returns.
void detach(const std::string& pin) {
  const UniqueFd link(bpf_obj_get(pin.c_str()));
  if (link) (void)bpf_link_detach(link.get());
}

unsigned remove_pins(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  unsigned removed = 0;
  for (const std::string& name : names) {
    for (const std::string_view prefix : kPrefixes) {
      if (name.rfind(prefix, 0) != 0) continue;
      const std::string path = fs::path(directory) / name;
      if (prefix == kLinkPrefix) detach(path);
      if (unlink(path.c_str()) == 0) ++removed;
    }
  }
  return removed;
}

}  // namespace

Result<Bpffs> Bpffs::open(const std::string& directory) {
  Bpffs bpffs;
  std::error_code error;
  bpffs.directory_ = fs::absolute(directory, error).lexically_normal().string();
  if (error || directory.empty())
    return fail(ErrorCode::kInvalid,
                "'" + directory + "' is no directory for BPF pins; give an absolute path");
  if (bpffs.directory_.size() > 1 && bpffs.directory_.back() == '/') bpffs.directory_.pop_back();
  if (auto made = bpffs.make_directory(); !made) return forward(made);
  if (!on_bpffs(bpffs.directory_)) {
    if (!is_empty(bpffs.directory_))
      return fail(ErrorCode::kInvalid, bpffs.directory_ +
                                           " is neither on a bpf file system nor empty, so none is mounted "
                                           "over it; name another directory");
    if (auto mounted = bpffs.mount_at(bpffs.directory_); !mounted) return forward(mounted);
  }
  if (auto locked = bpffs.lock(); !locked) return forward(locked);
  bpffs.removed_stale_ = remove_pins(bpffs.directory_);
  return bpffs;
}

Result<void> Bpffs::make_directory() {
  const fs::path whole(directory_);
  std::string existing = "/";
  for (fs::path path; const fs::path& part : whole) {
    path /= part;
    struct stat status {};
    if (stat(path.c_str(), &status) == 0) {
      existing = path.string();
      continue;
    }
    if (mkdir(path.c_str(), 0700) != 0) {
      const int error_number = errno;
      // sysfs takes no directories of ours; /sys/fs/bpf is there to be mounted on.
      if (on_bpffs(existing) || mounted_by_us() || !is_empty(existing))
        return fail_errno(error_number, "creating " + path.string() + " for BPF pins");
      if (auto mounted = mount_at(existing); !mounted) return mounted;
      if (mkdir(path.c_str(), 0700) != 0) return fail_errno(errno, "creating " + path.string());
    }
    if (created_from_.empty()) created_from_ = path.string();
    existing = path.string();
  }
  return {};
}

Result<void> Bpffs::mount_at(const std::string& place) {
  if (mount("bpf", place.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0)
    return fail_errno(errno, "mounting a bpf file system on " + place +
                                 " for the pins (needs CAP_SYS_ADMIN; or name a directory on a bpf file "
                                 "system that is mounted already)");
  mount_point_ = place;
  return {};
}

Result<void> Bpffs::lock() {
  lock_.reset(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock_) return fail_errno(errno, "opening " + directory_);
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return {};
  const int error_number = errno;
  lock_.reset();
  if (error_number != EWOULDBLOCK) return fail_errno(error_number, "locking " + directory_);
  return fail(ErrorCode::kInUse,
              directory_ + " is in use by another turnpiked; stop it or name another directory for this one");
}

Bpffs::Bpffs(Bpffs&& other) noexcept
    : directory_(std::exchange(other.directory_, {})),
      mount_point_(std::exchange(other.mount_point_, {})),
      created_from_(std::exchange(other.created_from_, {})),
      removed_stale_(other.removed_stale_),
      lock_(std::move(other.lock_)) {}

Bpffs::~Bpffs() {
  if (directory_.empty()) return;
  if (lock_) remove_pins(directory_);
  lock_.reset();  // an open descriptor would keep the mount busy
  std::string lowest = directory_;
  if (mounted_by_us()) {
    while (lowest.size() > mount_point_.size() && rmdir(lowest.c_str()) == 0)
      lowest = fs::path(lowest).parent_path().string();
    if (!is_used(mount_point_)) (void)umount(mount_point_.c_str());
  }
  if (created_from_.empty()) return;
  while (lowest.size() >= created_from_.size() && rmdir(lowest.c_str()) == 0)
    lowest = fs::path(lowest).parent_path().string();
}

}  // namespace turnpike::fastpath
