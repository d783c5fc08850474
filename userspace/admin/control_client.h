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

 private:
  ControlClient(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<std::string> receive_line();

  std::string path_;
  UniqueFd fd_;
};

}  // namespace turnpike::admin
