// SPDX-License-Identifier: Apache-2.0
//
// ControlClient: asks a running relay. Blocks, each step for at most the time-out.
#pragma once

#include <string>

#include "admin/control_protocol.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/result.h"

namespace turnpike::admin {

class ControlClient {
 public:
  // kNotFound: nobody listens at `path`. kPermission: the socket is not for this user.
  static Result<ControlClient> connect(const std::string& path, Seconds timeout = kClientTimeout);

  // What the relay answered; its errors with the code that it gave.
  Result<Json> ask(const Request& request);

  // After a streaming verb was asked: its next line. fd() turns readable when there may be one, unless
  // has_line().
  Result<StreamLine> next();
  int fd() const { return fd_.get(); }
  bool has_line() const { return buffer_.find('\n', taken_) != std::string::npos; }
  // No more of the stream is wanted: its end comes next, after what was on its way.
  void stop();

 private:
  ControlClient(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<std::string> receive_line();

  std::string path_;
  UniqueFd fd_;
  std::string buffer_;
  size_t taken_ = 0;  // of buffer_
};

}  // namespace turnpike::admin
