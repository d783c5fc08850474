// SPDX-License-Identifier: Apache-2.0
#include "fastpath/bpffs.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <vector>

#include "fastpath/pinned_maps.h"
#include "fastpath/takeover.h"

namespace turnpike::fastpath {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLinkPrefix = "link-";
constexpr const char* kOurMount = "our-mount";          // mount_point_
constexpr const char* kOurDirectory = "our-directory";  // created_from_
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

bool is_pin(const std::string& name) {
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](const std::string_view prefix) { return name.starts_with(prefix); });
}

std::vector<std::string> pins_in(const std::string& directory) {
  std::vector<std::string> pins;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    if (is_pin(entry->path().filename())) pins.push_back(entry->path());
  return pins;
}

// All programs are detached before the maps go that they read. Removing a link's pin does that only some time
// after; asking for it does it now, so that the hook is free when this returns.
void remove_pins(const std::string& directory) {
  take_off_interfaces(directory);
  const std::vector<std::string> pins = pins_in(directory);
  for (const std::string& pin : pins) {
    if (!fs::path(pin).filename().string().starts_with(kLinkPrefix)) continue;
    const UniqueFd link(bpf_obj_get(pin.c_str()));
    if (link) (void)bpf_link_detach(link.get());
  }
  for (const std::string& pin : pins)
    (void)unlink(pin.c_str());
}

// What a process that was killed had made, as a symbolic link, the one kind of file on a bpffs that takes
// text: `path`, which is `directory` or above it.
std::string recall(const std::string& directory, const char* mark) {
  std::error_code error;
  const std::string path = fs::read_symlink(fs::path(directory) / mark, error);
  const bool above = directory == path || directory.starts_with(path + "/");
  return error || !above ? "" : path;
}

Result<void> remember(const std::string& directory, const char* mark, const std::string& path) {
  const std::string place = directory + "/" + mark;
  if (!path.empty() && symlink(path.c_str(), place.c_str()) != 0 && errno != EEXIST)
    return fail_errno(errno, "noting " + path + " as " + place);
  return {};
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
  if (auto remembered = bpffs.remember_what_is_ours(); !remembered) return forward(remembered);
  if (auto judged = bpffs.judge_pins(); !judged) return forward(judged);
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

Result<void> Bpffs::remember_what_is_ours() {
  if (mount_point_.empty()) mount_point_ = recall(directory_, kOurMount);
  if (created_from_.empty()) created_from_ = recall(directory_, kOurDirectory);
  if (auto noted = remember(directory_, kOurMount, mount_point_); !noted) return noted;
  return remember(directory_, kOurDirectory, created_from_);
}

Result<void> Bpffs::judge_pins() {
  if (!pins_in(directory_).empty()) {
    keep_ = true;  // until it is known that they are of no use
    auto fault = fault_of_pins(directory_);
    if (!fault) return forward(fault);
    if (fault->empty()) {
      found_ = true;
      return {};
    }
    discarded_ = std::move(*fault);
    remove_pins(directory_);
    keep_ = false;
  }
  return mark_abi(directory_);
}

UniqueFd Bpffs::open_map(const std::string& name) const {
  return UniqueFd(bpf_obj_get(map_pin(directory_, name).c_str()));
}

Bpffs::Bpffs(Bpffs&& other) noexcept
    : directory_(std::exchange(other.directory_, {})),
      mount_point_(std::exchange(other.mount_point_, {})),
      created_from_(std::exchange(other.created_from_, {})),
      discarded_(std::move(other.discarded_)),
      found_(other.found_),
      keep_(other.keep_),
      lock_(std::move(other.lock_)) {}

Bpffs::~Bpffs() {
  if (directory_.empty() || keep_) return;
  if (lock_) {
    remove_pins(directory_);
    for (const char* mark : {kOurMount, kOurDirectory})
      (void)unlink((directory_ + "/" + mark).c_str());
  }
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
