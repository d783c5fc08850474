// SPDX-License-Identifier: Apache-2.0
#include "admin/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace turnpike::admin {
namespace {

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kSocketMode = 0600;
constexpr int kBacklog = 16;

UniqueFd new_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

Result<void> make_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.empty() || std::filesystem::exists(directory, error)) return {};
  if (auto parent = make_directory(directory.parent_path()); !parent) return parent;
  if (::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST)
    return fail_errno(errno, "admin socket: cannot make the directory " + directory.string());
  return {};
}

// Whether a process listens there. A full backlog (EAGAIN) is one that does.
bool answers(const sockaddr_un& address) {
  const UniqueFd probe = new_socket();
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
         errno == EAGAIN;
}

// Makes way for a new socket at `path`.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, "admin socket " + path);
  }
  if (!S_ISSOCK(file.st_mode))
    return fail(ErrorCode::kInUse,
                "admin socket " + path +
                    ": expected nothing or an old socket there, found another kind of file; "
                    "remove it or set [admin] socket");
  if (answers(address))
    return fail(ErrorCode::kInUse, "admin socket " + path +
                                       ": another relay answers there; stop it, or give this one its own "
                                       "[admin] socket");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail_errno(errno, "admin socket " + path + ": cannot remove what a dead relay left");
  return {};
}

}  // namespace

Result<sockaddr_un> socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path))
    return fail(ErrorCode::kInvalid, "admin socket '" + path + "': expected a path of 1 to " +
                                         std::to_string(sizeof(address.sun_path) - 1) + " bytes, got " +
                                         std::to_string(path.size()));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

Result<ControlSocket> ControlSocket::listen(const std::string& path) {
  const auto address = socket_address(path);
  if (!address) return forward(address);
  if (auto made = make_directory(std::filesystem::path(path).parent_path()); !made) return forward(made);
  if (auto removed = remove_stale(path, *address); !removed) return forward(removed);

  ControlSocket socket;
  socket.fd_ = new_socket();
  if (!socket.fd_) return fail_errno(errno, "admin socket " + path);
  if (auto bound = socket.bind(*address); !bound) return forward(bound);
  if (::listen(socket.fd(), kBacklog) != 0) return fail_errno(errno, "admin socket " + path + ": listen");
  return socket;
}

Result<void> ControlSocket::bind(const sockaddr_un& address) {
  const std::string path = address.sun_path;
  // Before bind, so that there is no moment in which others may connect (the kernel makes the file with the
  // socket inode's mode, less the umask).
  if (::fchmod(fd(), kSocketMode) != 0) return fail_errno(errno, "admin socket " + path + ": fchmod");
  if (::bind(fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return fail_errno(errno, "admin socket " + path);
  path_ = path;
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return fail_errno(errno, "admin socket " + path);
  device_ = file.st_dev;
  inode_ = file.st_ino;
  return {};
}

ControlSocket::~ControlSocket() {
  struct stat file {};
  if (!fd_ || ::lstat(path_.c_str(), &file) != 0) return;
  if (file.st_dev == device_ && file.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace turnpike::admin
