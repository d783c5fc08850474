// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <system_error>

namespace turnpike::ctl {

Interrupt::Interrupt() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  // Without it the signals keep their effect, which is to end us.
  if (!fd_ || ::sigprocmask(SIG_BLOCK, &set, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "signalfd");
}

bool Interrupt::wait(std::chrono::milliseconds time) const {
  pollfd ready{.fd = fd(), .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, static_cast<int>(time.count())) > 0;
}

void Interrupt::clear() {
  signalfd_siginfo ignored{};
  (void)!::read(fd(), &ignored, sizeof(ignored));
}

}  // namespace turnpike::ctl
