// SPDX-License-Identifier: Apache-2.0
//
// NetNamespace: a network namespace by the name that ip-netns(8) knows it by, and the calling thread's way
// into it. What a thread opens (sockets, links, netlink) stays in the namespace where it was opened.
#pragma once

#include <string>

#include "util/fd.h"
#include "util/result.h"

namespace turnpike::load {

class NetNamespace {
 public:
  // Empty `name`: the namespace that the thread is in. kNotFound when there is none of that name.
  static Result<NetNamespace> open(const std::string& name);
  // Moves the calling thread.
  Result<void> enter() const;

 private:
  explicit NetNamespace(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace turnpike::load
