// SPDX-License-Identifier: Apache-2.0
//
// A directory of the test's own, a raw client on the admin socket, and a way to run a server for a while.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "admin/control_server.h"
#include "util/fd.h"

namespace turnpike::admin {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "turnpike-admin-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// A client that may misbehave.
class RawClient {
 public:
  explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  bool connected() const { return connected_; }
  int fd() const { return fd_.get(); }
  // How much the socket took.
  ssize_t send(const std::string& text) {
    return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  // What has come until now.
  std::string receive() {
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got <= 0) {
        ended_ = got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
        return text;
      }
      text.append(buffer.data(), static_cast<size_t>(got));
    }
  }
  bool ended() const { return ended_; }  // as the last receive() found

 private:
  UniqueFd fd_;
  bool connected_ = false;
  bool ended_ = false;
};

// Lets `server` work until it has had nothing to do for `quiet`.
inline void run_until_quiet(ControlServer& server,
                            std::chrono::milliseconds quiet = std::chrono::milliseconds(20)) {
  pollfd ready{.fd = server.fd(), .events = POLLIN, .revents = 0};
  while (::poll(&ready, 1, static_cast<int>(quiet.count())) > 0)
    server.handle_readable();
}

}  // namespace turnpike::admin
