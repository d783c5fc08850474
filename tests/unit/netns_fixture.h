// SPDX-License-Identifier: Apache-2.0
//
// InOwnNetwork: a test suite that runs in a network namespace of its own, with lo up. Needs CAP_SYS_ADMIN.
#pragma once

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>

#include "util/fd.h"

namespace turnpike::test {

class InOwnNetwork : public testing::Test {
 protected:
  // Each test runs in a process of its own under ctest, so what is left ends with it.
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "needs root: " << std::strerror(errno);
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_UP;
    ASSERT_EQ(ioctl(socket.get(), SIOCSIFFLAGS, &request), 0) << std::strerror(errno);
    // As on a relay host: else a client here could get a port that the relay hands out as a relayed one.
    std::ofstream("/proc/sys/net/ipv4/ip_local_reserved_ports") << "49152-65535" << std::flush;
  }
};

}  // namespace turnpike::test
