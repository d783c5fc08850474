// SPDX-License-Identifier: Apache-2.0
//
// InOwnNetwork: a test suite that runs in a network namespace of its own, with lo up. Needs CAP_SYS_ADMIN.
#pragma once

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

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

  // The kernel adds the route to it some time after the address itself.
  static void add_ipv6_address(const std::string& address) {
    const std::string add = "ip addr add " + address + "/128 dev lo nodad";
    const std::string wait =
        "until ip -6 route show table local | grep -q " + address + "; do sleep 0.01; done";
    ASSERT_EQ(std::system((add + " && " + wait).c_str()), 0);
  }
};

}  // namespace turnpike::test
