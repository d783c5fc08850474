// SPDX-License-Identifier: Apache-2.0
#include "guard/peer_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace turnpike::guard {
namespace {

IpAddress ip(const std::string& text) {
  return IpAddress::parse(text).value();
}
Endpoint at(const std::string& text) {
  return Endpoint::parse(text).value();
}
Prefix prefix(const std::string& text) {
  return Prefix::parse(text).value();
}

// A relay at 203.0.114.1, and at 10.0.0.1 that is 203.0.114.2 outside; its host has 203.0.114.3 too.
PeerRules rules() {
  PeerRules rules;
  rules.host_addresses = {ip("203.0.114.1"), ip("10.0.0.1"), ip("203.0.114.3"), ip("2600::3")};
  rules.listening = {at("203.0.114.1:3478"), at("10.0.0.1:50000"), at("[2600::3]:3478")};
  rules.relay_addresses = {{ip("203.0.114.1"), ip("203.0.114.1")}, {ip("10.0.0.1"), ip("203.0.114.2")}};
  rules.relay_ports = {50000, 50999};
  return rules;
}

std::string verdict(const RelayPeerPolicy& policy, const std::string& address) {
  const turn::PeerVerdict verdict = policy.judge(ip(address));
  return verdict.allowed ? "allowed" : verdict.reason;
}
std::string port_verdict(const RelayPeerPolicy& policy, const std::string& endpoint) {
  const turn::PeerVerdict verdict = policy.judge(at(endpoint));
  return verdict.allowed ? "allowed" : verdict.reason;
}

struct Row {
  const char* peer;
  const char* verdict;
};

TEST(RelayPeerPolicy, RefusesReservedIpv4) {
  const RelayPeerPolicy policy(rules());
  for (const Row& row : std::initializer_list<Row>{
           {"0.0.0.0", "this network (RFC 791)"},
           {"0.255.255.255", "this network (RFC 791)"},
           {"1.0.0.0", "allowed"},
           {"9.255.255.255", "allowed"},
           {"10.0.0.0", "private-use (RFC 1918)"},
           {"10.255.255.255", "private-use (RFC 1918)"},
           {"11.0.0.0", "allowed"},
           {"100.63.255.255", "allowed"},
           {"100.64.0.0", "carrier-grade NAT (RFC 6598)"},
           {"100.127.255.255", "carrier-grade NAT (RFC 6598)"},
           {"100.128.0.0", "allowed"},
           {"126.255.255.255", "allowed"},
           {"127.0.0.1", "loopback (RFC 1122)"},
           {"128.0.0.0", "allowed"},
           {"169.254.169.254", "link-local (RFC 3927)"},
           {"172.15.255.255", "allowed"},
           {"172.16.0.0", "private-use (RFC 1918)"},
           {"172.31.255.255", "private-use (RFC 1918)"},
           {"172.32.0.0", "allowed"},
           {"192.0.0.8", "protocol assignments (RFC 6890)"},
           {"192.0.1.0", "allowed"},
           {"192.0.2.1", "documentation (RFC 5737)"},
           {"192.168.1.1", "private-use (RFC 1918)"},
           {"198.17.255.255", "allowed"},
           {"198.18.0.0", "benchmarking (RFC 2544)"},
           {"198.19.255.255", "benchmarking (RFC 2544)"},
           {"198.20.0.0", "allowed"},
           {"198.51.100.1", "documentation (RFC 5737)"},
           {"203.0.113.1", "documentation (RFC 5737)"},
           {"223.255.255.255", "allowed"},
           {"224.0.0.1", "multicast (RFC 5771)"},
           {"239.255.255.255", "multicast (RFC 5771)"},
           {"240.0.0.1", "reserved (RFC 1112)"},
           {"255.255.255.255", "broadcast (RFC 919)"},
       })
    EXPECT_EQ(verdict(policy, row.peer), row.verdict) << row.peer;
}

TEST(RelayPeerPolicy, RefusesReservedIpv6) {
  const RelayPeerPolicy policy(rules());
  for (const Row& row : std::initializer_list<Row>{
           {"::", "unspecified (RFC 4291)"},
           {"::1", "loopback (RFC 4291)"},
           {"100::1", "discard-only (RFC 6666)"},
           {"2001:2::1", "benchmarking (RFC 5180)"},
           {"2001:db8::1", "documentation (RFC 3849)"},
           {"3fff:fff::1", "documentation (RFC 9637)"},
           {"3fff:1000::1", "allowed"},
           {"2000::1", "allowed"},
           {"1fff:ffff::1", "not global unicast (RFC 4291)"},
           {"4000::1", "not global unicast (RFC 4291)"},
           {"fc00::1", "unique local (RFC 4193)"},
           {"fdff::1", "unique local (RFC 4193)"},
           {"fe80::1", "link-local (RFC 4291)"},
           {"fec0::1", "site-local (RFC 3879)"},
           {"ff02::1", "multicast (RFC 4291)"},
       })
    EXPECT_EQ(verdict(policy, row.peer), row.verdict) << row.peer;
}

TEST(RelayPeerPolicy, JudgesTheIpv4AddressInside) {
  const RelayPeerPolicy policy(rules());
  for (const Row& row : std::initializer_list<Row>{
           {"::ffff:127.0.0.1", "loopback (RFC 1122)"},
           {"::127.0.0.1", "loopback (RFC 1122)"},
           {"::ffff:0:127.0.0.1", "loopback (RFC 1122)"},
           {"64:ff9b::169.254.169.254", "link-local (RFC 3927)"},
           {"64:ff9b::9.9.9.9", "allowed"},
           {"64:ff9b::203.0.114.3", "an address of this host"},
           {"64:ff9b::203.0.114.1", "an address of this host"},
           {"64:ff9b:1::9.9.9.9", "local-use NAT64 (RFC 8215)"},
           {"64:ff9b:1::10.0.0.9", "private-use (RFC 1918)"},
           {"2002:7f00:1::1", "loopback (RFC 1122)"},
           {"2002:0909:0909::1", "allowed"},
           {"2001:0:1:2:3:4:80ff:fffe", "loopback (RFC 1122)"},
           {"2600::5efe:10.0.0.9", "private-use (RFC 1918)"},
           {"fe80::5efe:9.9.9.9", "link-local (RFC 4291)"},
           {"::9.9.9.9", "not global unicast (RFC 4291)"},
       })
    EXPECT_EQ(verdict(policy, row.peer), row.verdict) << row.peer;
}

TEST(RelayPeerPolicy, AllowOutranksDenyOutranksTheRest) {
  PeerRules mine = rules();
  mine.allow = {prefix("10.1.0.0/16"), prefix("203.0.114.3")};
  mine.deny = {prefix("10.1.2.0/24"), prefix("9.9.9.0/24"), prefix("2620::/16")};
  const RelayPeerPolicy policy(mine);
  for (const Row& row : std::initializer_list<Row>{
           {"10.1.2.3", "allowed"},
           {"10.2.0.1", "private-use (RFC 1918)"},
           {"9.9.9.9", "denied by peers.deny"},
           {"64:ff9b::9.9.9.9", "denied by peers.deny"},
           {"64:ff9b::10.1.2.3", "allowed"},
           {"2620::1", "denied by peers.deny"},
           {"203.0.114.3", "allowed"},
           {"2600::3", "an address of this host"},
       })
    EXPECT_EQ(verdict(policy, row.peer), row.verdict) << row.peer;
}

TEST(RelayPeerPolicy, AllowingAFormDoesNotAllowTheAddressInside) {
  PeerRules mine = rules();
  mine.allow = {prefix("64:ff9b::/96"), prefix("64:ff9b:1::/48")};
  const RelayPeerPolicy policy(mine);
  EXPECT_EQ(verdict(policy, "64:ff9b::10.0.0.9"), "private-use (RFC 1918)");
  EXPECT_EQ(verdict(policy, "64:ff9b:1::9.9.9.9"), "allowed");
}

TEST(RelayPeerPolicy, EveryReadingOfTheLocalNat64PrefixMustPass) {
  PeerRules mine = rules();
  mine.allow = {prefix("64:ff9b:1::/48")};
  const RelayPeerPolicy policy(mine);
  for (const Row& row : std::initializer_list<Row>{
           {"64:ff9b:1:909:9:900::", "allowed"},
           {"64:ff9b:1:a00:0:900:909:909", "private-use (RFC 1918)"},  // 10.0.0.9 by /48, 9.9.9.9 by /96
           {"64:ff9b:1:90a:0:9:909:909", "private-use (RFC 1918)"},    // by /56
           {"64:ff9b:1:909:a:0:909:909", "private-use (RFC 1918)"},    // by /64
           {"64:ff9b:1:909:9:900:a00:9", "private-use (RFC 1918)"},    // by /96
       })
    EXPECT_EQ(verdict(policy, row.peer), row.verdict) << row.peer;
  mine.allow.push_back(prefix("0.0.0.0/0"));
  EXPECT_EQ(port_verdict(RelayPeerPolicy(mine), "[64:ff9b:1:cb00:72:100:909:909]:3478"),
            "a listening address of this relay");  // 203.0.114.1 by /48
}

TEST(RelayPeerPolicy, RelayedAddressesArePeersAndTheHostsServicesAreNot) {
  const RelayPeerPolicy policy(rules());
  for (const char* address : {"203.0.114.1", "203.0.114.2", "10.0.0.1"})
    EXPECT_EQ(verdict(policy, address), "allowed") << address;
  for (const Row& row : std::initializer_list<Row>{
           {"203.0.114.1:50000", "allowed"},
           {"203.0.114.1:50999", "allowed"},
           {"203.0.114.1:51000", "an address of this relay, and no relay port"},
           {"203.0.114.1:22", "an address of this relay, and no relay port"},
           {"203.0.114.2:50001", "allowed"},
           {"203.0.114.2:22", "an address of this relay, and no relay port"},
           {"10.0.0.1:50001", "allowed"},
           {"10.0.0.1:22", "an address of this relay, and no relay port"},
           {"203.0.114.3:50000", "an address of this host"},
           {"9.9.9.9:1", "allowed"},
           {"9.9.9.9:0", "port 0"},
           {"203.0.114.1:0", "port 0"},
       })
    EXPECT_EQ(port_verdict(policy, row.peer), row.verdict) << row.peer;
}

TEST(RelayPeerPolicy, AddressesThatTheHostGetsLaterAreNoPeersEither) {
  RelayPeerPolicy policy(rules());
  EXPECT_EQ(verdict(policy, "203.0.114.9"), "allowed");
  policy.set_host_addresses({ip("203.0.114.9")});
  EXPECT_EQ(verdict(policy, "203.0.114.9"), "an address of this host");
  EXPECT_EQ(verdict(policy, "203.0.114.3"), "allowed") << "the host has given it away";
}

TEST(RelayPeerPolicy, ListeningEndpointsAreNeverPeers) {
  PeerRules mine = rules();
  mine.allow = {prefix("0.0.0.0/0"), prefix("::/0")};
  const RelayPeerPolicy policy(mine);
  const std::string loop = "a listening address of this relay";
  for (const char* peer : {"203.0.114.1:3478", "[64:ff9b::203.0.114.1]:3478", "[::203.0.114.1]:3478",
                           "[2600::3]:3478", "10.0.0.1:50000", "203.0.114.2:50000"})
    EXPECT_EQ(port_verdict(policy, peer), loop) << peer;
}

TEST(RelayPeerPolicy, AllowingTheRelaysAddressOpensNoPortThatItWouldNotCarry) {
  PeerRules mine = rules();
  mine.allow = {prefix("0.0.0.0/0"), prefix("::/0")};
  const RelayPeerPolicy policy(mine);
  for (const char* peer : {"203.0.114.1:53", "203.0.114.2:53", "10.0.0.1:53", "[64:ff9b::10.0.0.1]:53"})
    EXPECT_EQ(port_verdict(policy, peer), "an address of this relay, and no relay port") << peer;
  EXPECT_EQ(port_verdict(policy, "10.0.0.1:50001"), "allowed");
  EXPECT_EQ(port_verdict(policy, "203.0.114.3:53"), "allowed");  // another address of the host: they named it
}

}  // namespace
}  // namespace turnpike::guard
