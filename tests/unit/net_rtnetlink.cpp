// SPDX-License-Identifier: Apache-2.0
#include "net/rtnetlink.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>

#include <algorithm>
#include <cstdio>

#include "unit/test_network.h"

namespace turnpike::net {
namespace {

constexpr MacAddress kMac = {0x02, 0, 0, 0, 0, 0x07};

class RouteReaderTest : public TestNetwork {
 protected:
  void SetUp() override {
    TestNetwork::SetUp();
    reader_.emplace(RouteReader::create().value());
    tp0_ = if_nametoindex("tp0");
  }
  std::string neighbours(const std::string& address) {
    std::string text;
    FILE* pipe = popen(("ip -s neigh show to " + address + " dev tp0").c_str(), "r");
    char buffer[256];
    while (fgets(buffer, sizeof buffer, pipe) != nullptr)
      text += buffer;
    pclose(pipe);
    return text;
  }
  std::optional<RouteReader> reader_;
  unsigned tp0_ = 0;
};

TEST_F(RouteReaderTest, ListsLinks) {
  run("ip link set tp0 mtu 1400 address 02:00:00:00:00:07");
  const auto links = reader_->links();
  ASSERT_TRUE(links) << links.error().message;
  const auto veth =
      std::find_if(links->begin(), links->end(), [](const Link& link) { return link.name == "tp0"; });
  ASSERT_NE(veth, links->end());
  EXPECT_EQ(veth->ifindex, tp0_);
  EXPECT_EQ(veth->mtu, 1400u);
  EXPECT_EQ(veth->mac, kMac);
  EXPECT_TRUE(veth->ethernet);
  EXPECT_FALSE(veth->loopback);
  const auto lo =
      std::find_if(links->begin(), links->end(), [](const Link& link) { return link.name == "lo"; });
  ASSERT_NE(lo, links->end());
  EXPECT_TRUE(lo->loopback);
  EXPECT_FALSE(lo->ethernet);
}

TEST_F(RouteReaderTest, FollowsALinksCarrierAndCounters) {
  EXPECT_TRUE(eventually([&] { return reader_->link(tp0_).value().up; }));
  const auto sent = reader_->link(tp0_).value().tx_packets;
  run("ping -c1 -W2 192.0.2.2 >/dev/null");
  EXPECT_GT(reader_->link(tp0_).value().tx_packets, sent);
  run("ip -n tp-peer link set tp1 down");
  EXPECT_TRUE(eventually([&] { return !reader_->link(tp0_).value().up; }));
  EXPECT_EQ(reader_->link(9999).error().code, ErrorCode::kNotFound);
}

TEST_F(RouteReaderTest, ListsAddresses) {
  const auto addresses = reader_->addresses();
  ASSERT_TRUE(addresses) << addresses.error().message;
  const auto on_tp0 = [&](const char* text) {
    return std::find_if(addresses->begin(), addresses->end(), [&](const LocalAddress& each) {
             return each.address == address(text) && each.ifindex == tp0_ && each.global_scope;
           }) != addresses->end();
  };
  EXPECT_TRUE(on_tp0("192.0.2.1"));
  EXPECT_TRUE(on_tp0("2001:db8::1"));
}

TEST_F(RouteReaderTest, RoutesOnLinkByGatewayAndToItself) {
  run("ip route add 198.51.100.0/24 via 192.0.2.2 mtu 1300");
  run("ip route add 2001:db8:1::/48 via 2001:db8::2");
  run("ip route add 203.0.113.0/24 via inet6 2001:db8::2 dev tp0");
  const IpAddress here = address("192.0.2.1");
  EXPECT_EQ(reader_->route(here, address("192.0.2.9")).value(),
            (Route{tp0_, address("192.0.2.9"), 0, false}));
  EXPECT_EQ(reader_->route(here, address("198.51.100.9")).value(),
            (Route{tp0_, address("192.0.2.2"), 1300, false}));
  EXPECT_EQ(reader_->route(address("2001:db8::1"), address("2001:db8:1::9")).value().next_hop,
            address("2001:db8::2"));
  EXPECT_EQ(reader_->route(here, address("203.0.113.9")).value().next_hop, address("2001:db8::2"));
  EXPECT_TRUE(reader_->route(here, address("192.0.2.1")).value().local);
  EXPECT_TRUE(reader_->route(address("2001:db8::1"), address("2001:db8::1")).value().local);
}

TEST_F(RouteReaderTest, TellsThatARouteEncapsulates) {
  run("ip route add 198.51.100.0/24 encap ip id 5 dst 192.0.2.3 via 192.0.2.2 dev tp0");
  run("ip -6 route add 2001:db8:1::/48 encap ip6 id 5 dst 2001:db8::3 via 2001:db8::2 dev tp0");
  const IpAddress here = address("192.0.2.1");
  EXPECT_TRUE(reader_->route(here, address("198.51.100.9")).value().encapsulates);
  EXPECT_TRUE(reader_->route(address("2001:db8::1"), address("2001:db8:1::9")).value().encapsulates);
  EXPECT_FALSE(reader_->route(here, address("192.0.2.9")).value().encapsulates);
}

TEST_F(RouteReaderTest, TellsThatThereIsNoRoute) {
  run("ip route add unreachable 198.51.100.0/24");
  run("ip -6 route add unreachable 2001:db8:1::/48");
  const IpAddress here = address("192.0.2.1");
  for (const char* destination : {"203.0.113.1", "198.51.100.1", "192.0.2.255"})
    EXPECT_EQ(reader_->route(here, address(destination)).error().code, ErrorCode::kNotFound) << destination;
  EXPECT_EQ(reader_->route(address("2001:db8::1"), address("2001:db8:1::1")).error().code,
            ErrorCode::kNotFound);
}

TEST_F(RouteReaderTest, UsesTheSourceWhenItIsLocal) {
  run("ip rule add from 192.0.2.1 table 77");
  run("ip route add default via 192.0.2.3 dev tp0 table 77");
  run("ip route add default via 192.0.2.2 dev tp0");
  const auto next_hop = [&](const char* source) {
    return reader_->route(address(source), address("203.0.113.1")).value().next_hop;
  };
  EXPECT_EQ(next_hop("192.0.2.1"), address("192.0.2.3"));
  EXPECT_EQ(next_hop("198.51.100.77"), address("192.0.2.2"));
}

TEST_F(RouteReaderTest, ReadsNeighbours) {
  EXPECT_EQ(reader_->neighbour(tp0_, address("192.0.2.50")), std::nullopt);
  run("ip neigh replace 192.0.2.50 lladdr 02:00:00:00:00:07 nud permanent dev tp0");
  run("ip neigh replace 2001:db8::50 lladdr 02:00:00:00:00:07 nud stale dev tp0");
  EXPECT_EQ(reader_->neighbour(tp0_, address("192.0.2.50")), kMac);
  EXPECT_EQ(reader_->neighbour(tp0_, address("2001:db8::50")), kMac);
  run("ip neigh replace 192.0.2.50 nud failed dev tp0");
  EXPECT_EQ(reader_->neighbour(tp0_, address("192.0.2.50")), std::nullopt);
}

TEST_F(RouteReaderTest, KeepsNeighboursResolved) {
  for (const char* text : {"192.0.2.2", "2001:db8::2"}) {
    reader_->keep_resolved(tp0_, address(text));
    EXPECT_TRUE(eventually([&] { return reader_->neighbour(tp0_, address(text)).has_value(); })) << text;
    EXPECT_NE(neighbours(text).find("managed"), std::string::npos) << neighbours(text);
    reader_->release_resolved(tp0_, address(text));
    EXPECT_EQ(neighbours(text).find("managed"), std::string::npos) << neighbours(text);
  }
}

TEST_F(RouteReaderTest, LeavesPermanentNeighboursAlone) {
  run("ip neigh replace 192.0.2.50 lladdr 02:00:00:00:00:07 nud permanent dev tp0");
  reader_->keep_resolved(tp0_, address("192.0.2.50"));
  reader_->release_resolved(tp0_, address("192.0.2.50"));
  EXPECT_NE(neighbours("192.0.2.50").find("PERMANENT"), std::string::npos) << neighbours("192.0.2.50");
}

TEST_F(RouteReaderTest, TellsWhatKindOfDeviceItIs) {
  run("ip link add tp-bridge type bridge");
  run("ip link add tp4 type veth peer name tp5");
  EXPECT_EQ(reader_->link(if_nametoindex("tp-bridge")).value().kind, "bridge");
  EXPECT_EQ(reader_->link(if_nametoindex("tp4")).value().parent, if_nametoindex("tp5"));
  const Link across = reader_->link(tp0_).value();
  EXPECT_EQ(across.kind, "veth");
  EXPECT_EQ(across.parent, 0u);  // in another namespace
  EXPECT_EQ(across.vlan_id, 0u);
}

TEST_F(RouteReaderTest, CountsHowOftenTheCarrierWasLost) {
  EXPECT_TRUE(eventually([&] { return reader_->link(tp0_).value().up; }));
  const uint32_t before = reader_->link(tp0_).value().carrier_downs;
  run("ip -n tp-peer link set tp1 down");
  run("ip -n tp-peer link set tp1 up");
  EXPECT_EQ(reader_->link(tp0_).value().carrier_downs, before + 1);
}

// As the kernel announces a VLAN's device.
class VlanMessage {
 public:
  VlanMessage(unsigned ifindex, unsigned parent, uint16_t protocol, uint16_t id) {
    header_->nlmsg_type = RTM_NEWLINK;
    auto* link = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(header_, sizeof(ifinfomsg)));
    link->ifi_index = static_cast<int>(ifindex);
    link->ifi_type = ARPHRD_ETHER;
    link->ifi_flags = IFF_UP | 1u << 16;  // IFF_LOWER_UP, which <net/if.h> does not know
    mnl_attr_put_strz(header_, IFLA_IFNAME, "eth0.100");
    mnl_attr_put_u32(header_, IFLA_MTU, 1496);
    mnl_attr_put_u32(header_, IFLA_LINK, parent);
    nlattr* info = mnl_attr_nest_start(header_, IFLA_LINKINFO);
    mnl_attr_put_strz(header_, IFLA_INFO_KIND, "vlan");
    nlattr* data = mnl_attr_nest_start(header_, IFLA_INFO_DATA);
    mnl_attr_put_u16(header_, IFLA_VLAN_PROTOCOL, htons(protocol));
    mnl_attr_put_u16(header_, IFLA_VLAN_ID, id);
    mnl_attr_nest_end(header_, data);
    mnl_attr_nest_end(header_, info);
  }
  void put_namespace() { mnl_attr_put_u32(header_, IFLA_LINK_NETNSID, 0); }
  Link parsed() const { return parse_link(header_); }

 private:
  alignas(nlmsghdr) char buffer_[512] = {};
  nlmsghdr* header_ = mnl_nlmsg_put_header(buffer_);
};

TEST(VlanMessageTest, TellsParentProtocolAndId) {
  VlanMessage message(9, 2, ETH_P_8021AD, 100);
  const Link link = message.parsed();
  EXPECT_EQ(link.ifindex, 9u);
  EXPECT_EQ(link.name, "eth0.100");
  EXPECT_EQ(link.kind, "vlan");
  EXPECT_EQ(link.parent, 2u);
  EXPECT_EQ(link.vlan_protocol, ETH_P_8021AD);
  EXPECT_EQ(link.vlan_id, 100);
  EXPECT_EQ(link.mtu, 1496u);
  EXPECT_TRUE(link.up);
  message.put_namespace();
  EXPECT_EQ(message.parsed().parent, 0u);
}

class RouteMonitorTest : public TestNetwork {
 protected:
  void SetUp() override {
    TestNetwork::SetUp();
    silence_neighbours();
    monitor_.emplace(RouteMonitor::create().value());
    settle();
  }
  void settle() {
    pollfd ready{monitor_->fd(), POLLIN, 0};
    do {
      (void)monitor_->drain();
    } while (poll(&ready, 1, 300) == 1);
  }
  std::optional<RouteMonitor> monitor_;
};

TEST_F(RouteMonitorTest, IsSilentWhenNothingChanges) {
  const auto changes = monitor_->drain();
  EXPECT_FALSE(changes.routes);
  EXPECT_TRUE(changes.neighbours.empty());
}

TEST_F(RouteMonitorTest, NamesTheNeighbourThatChanged) {
  run("ip neigh replace 192.0.2.50 lladdr 02:00:00:00:00:07 nud permanent dev tp0");
  const auto changes = monitor_->drain();
  EXPECT_FALSE(changes.routes);
  const std::pair<unsigned, IpAddress> expected(if_nametoindex("tp0"), address("192.0.2.50"));
  EXPECT_EQ(std::count(changes.neighbours.begin(), changes.neighbours.end(), expected), 1);
}

TEST_F(RouteMonitorTest, TellsOfRoutesRulesLinksAndAddresses) {
  for (const char* command :
       {"ip route add 198.51.100.0/24 via 192.0.2.2", "ip -6 route add 2001:db8:1::/48 via 2001:db8::2",
        "ip rule add from 192.0.2.1 table 77", "ip -6 rule add from 2001:db8::1 table 77",
        "ip link set tp0 mtu 1400", "ip addr add 192.0.2.60/32 dev lo",
        "ip addr add 2001:db8::60/128 dev lo"}) {
    run(command);
    EXPECT_TRUE(eventually([&] { return monitor_->drain().routes; })) << command;
    settle();
  }
}

TEST_F(RouteMonitorTest, TakesAnOverrunForAChangeOfEverything) {
  const int small = 1;
  ASSERT_EQ(setsockopt(monitor_->fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  run("for i in $(seq 1 40); do echo neigh replace 192.0.2.$((i + 60)) lladdr 02:00:00:00:00:07 "
      "nud permanent dev tp0; done | ip -batch -");
  EXPECT_TRUE(monitor_->drain().routes);
}

}  // namespace
}  // namespace turnpike::net
