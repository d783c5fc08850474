// SPDX-License-Identifier: Apache-2.0
//
// ControlSocket: the listening unix socket and its file. The file goes when the object goes, unless somebody
// has put another one in its place.
#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include <string>

#include "util/fd.h"
#include "util/result.h"

namespace turnpike::admin {

// kInvalid: empty, or longer than the 107 bytes that a socket's address takes.
Result<sockaddr_un> socket_address(const std::string& path);

class ControlSocket {
 public:
  // Non-blocking, mode 0600; makes the directory (0755) when there is none; replaces the socket that a dead
  // process left. kInUse: a process answers there, or the file is no socket.
  static Result<ControlSocket> listen(const std::string& path);
  ControlSocket(ControlSocket&& other) noexcept = default;
  ControlSocket& operator=(ControlSocket&&) = delete;
  ~ControlSocket();

  int fd() const { return fd_.get(); }

 private:
  ControlSocket() = default;
  Result<void> bind(const sockaddr_un& address);

  std::string path_;
  UniqueFd fd_;
  dev_t device_ = 0;  // of the file that we made
  ino_t inode_ = 0;
};

}  // namespace turnpike::admin
