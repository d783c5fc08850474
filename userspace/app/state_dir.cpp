// SPDX-License-Identifier: Apache-2.0
#include "app/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace turnpike::app {

namespace {

Result<void> write_file(const std::string& path, const std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail_errno(errno, "create " + path);
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail_errno(errno, "write " + path);
  if (::fsync(file.get()) != 0) return fail_errno(errno, "fsync " + path);
  return {};
}

// It holds secrets, so others must not reach into it; a directory that was there before is not changed, for a
// typo could name one that the host shares.
Result<void> check_private(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return fail_errno(errno, "state_dir: look at " + path);
  if (S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid() && (facts.st_mode & 077) == 0) return {};
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", facts.st_mode & 07777u);
  return fail(ErrorCode::kInvalid, "state_dir: expected a directory of user " + std::to_string(::geteuid()) +
                                       " with mode 0700, " + path + " is of user " +
                                       std::to_string(facts.st_uid) + " with mode " + mode +
                                       "; name another, or chmod 0700 it if it is the relay's own");
}

}  // namespace

Result<StateDir> StateDir::open(const std::string& path) {
  std::error_code error;
  if (const auto parent = std::filesystem::path(path).parent_path(); !parent.empty())
    std::filesystem::create_directories(parent, error);
  if (error) return fail_errno(error.value(), "state_dir: create the directories above " + path);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, "state_dir: create " + path);
  if (auto ours = check_private(path); !ours) return forward(ours);
  const std::string lock_path = path + "/lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return fail_errno(errno, "state_dir: open " + lock_path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, "state_dir: lock " + lock_path);
    return fail(ErrorCode::kInUse, "state_dir: another turnpiked runs with " + path +
                                       "; stop it, or give this one a state_dir of its own");
  }
  return StateDir(path, std::move(lock));
}

Result<std::string> StateDir::keep(const std::string& name, const std::function<std::string()>& make) const {
  const std::string path = path_ + "/" + name;
  std::string line;
  if (std::ifstream file(path); file && std::getline(file, line) && !line.empty()) return line;
  if (std::filesystem::exists(path))
    return fail(ErrorCode::kInvalid,
                "expected one line in " + path + ", it is empty or unreadable; remove it");
  line = make();
  if (auto written = write(name, line + "\n"); !written) return forward(written);
  return line;
}

Result<std::string> StateDir::read(const std::string& name) const {
  const std::string path = path_ + "/" + name;
  if (!std::filesystem::exists(path)) return std::string();
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();  // of an empty file sets failbit, a failed read badbit
  if (!file.is_open() || text.bad()) return fail(ErrorCode::kSystem, "expected a readable file " + path);
  return text.str();
}

Result<void> StateDir::write(const std::string& name, const std::string& text) const {
  const std::string path = path_ + "/" + name;
  const std::string fresh = path + ".new";
  if (auto written = write_file(fresh, text); !written) return written;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return fail_errno(errno, "rename " + fresh);
  return {};
}

}  // namespace turnpike::app
