// SPDX-License-Identifier: Apache-2.0
#include "fastpath/remedies.h"

#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include "fastpath/libbpf_log.h"

namespace turnpike::fastpath {
namespace {

struct Case {
  const char* driver;
  const char* reason;
  const char* command;
};

TEST(Remedies, NameTheInterfaceInTheCommand) {
  const Case cases[] = {
      {"virtio_net",
       "virtio_net: Can't set XDP while host is implementing GRO_HW/CSUM, disable GRO_HW/CSUM first",
       "ethtool -K eth7 rx-gro-hw off; "},
      {"ena", "Failed to set xdp program, the Rx/Tx channel count should be at most half",
       "ethtool -L eth7 combined N"},
      {"veth", "Peer MTU is too large to set XDP", "ip link set dev eth7 mtu 1500"},
      {"veth", "attached, but transmits nothing: the peer of this veth has neither GRO nor",
       "on the peer: ethtool -K PEER gro on"},
      {"ixgbe", "XDP is not supported with current MTU", "ip link set dev eth7 mtu 1500"},
  };
  for (const Case& each : cases)
    EXPECT_EQ(remedy_for(each.driver, each.reason, "eth7").rfind(each.command, 0), 0u)
        << each.driver << ": " << remedy_for(each.driver, each.reason, "eth7");
}

TEST(Remedies, AreEmptyWhenNoneIsKnown) {
  EXPECT_EQ(remedy_for("bridge", "the driver refused native XDP: Operation not supported", "br0"), "");
}

TEST(LibbpfLog, CapturesOnThisThreadAndNests) {
  const LibbpfLog outer;
  (void)bpf_object__open("/nonexistent/one");
  {
    const LibbpfLog inner;
    (void)bpf_object__open("/nonexistent/two");
    EXPECT_NE(inner.text().find("/nonexistent/two"), std::string::npos);
  }
  EXPECT_NE(outer.text().find("/nonexistent/one"), std::string::npos);
  EXPECT_EQ(outer.text().find("/nonexistent/two"), std::string::npos);
  EXPECT_EQ(outer.kernel_message(), "");
  EXPECT_EQ(outer.tail(1).find('\n'), std::string::npos);
  EXPECT_FALSE(outer.tail(1).empty());
}

}  // namespace
}  // namespace turnpike::fastpath
