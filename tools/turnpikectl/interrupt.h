// SPDX-License-Identifier: Apache-2.0
//
// Interrupt: Ctrl-C (and SIGTERM) as something to wait for, so that a verb that goes on and on ends in order.
// While an object lives, the two signals do nothing else.
#pragma once

#include <chrono>

#include "util/fd.h"

namespace turnpike::ctl {

class Interrupt {
 public:
  Interrupt();

  // Readable once it has come.
  int fd() const { return fd_.get(); }
  // True when it came within `time`.
  bool wait(std::chrono::milliseconds time) const;
  // Forgets the one that came, so that fd() tells of the next.
  void clear();

 private:
  UniqueFd fd_;
};

}  // namespace turnpike::ctl
