// SPDX-License-Identifier: Apache-2.0
#include "admin/host_checks.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include <map>

#include "admin/port_set.h"
#include "util/capabilities.h"

namespace turnpike::admin {
namespace {

HostFacts good_host() {
  HostFacts facts;
  facts.kernel_release = "6.1.0-18-amd64";
  facts.capabilities = needed_capabilities();
  facts.local_port_range = "32768\t60999";
  facts.local_reserved_ports = "49152-65535";
  facts.ip_forward = "0";
  facts.rmem_max = "4194304";
  facts.bpf_filesystem_known = true;
  facts.bpffs_mounted = true;
  facts.addresses = {IpAddress::v4(127, 0, 0, 1), IpAddress::v4(192, 0, 2, 1)};
  facts.wall = WallTime(Seconds(1'770'000'000));
  return facts;
}

HostExpectations in_relay() {
  HostExpectations expected;
  expected.in_relay = true;
  expected.addresses = {IpAddress::v4(192, 0, 2, 1)};
  return expected;
}

Check find(const HostFacts& facts, const HostExpectations& expected, const std::string& name) {
  for (const Check& check : check_host(facts, expected))
    if (check.name == name) return check;
  return {.name = "missing", .verdict = Verdict::kFail};
}

TEST(HostChecks, AGoodHostIsWell) {
  for (const Check& check : check_host(good_host(), in_relay())) {
    EXPECT_EQ(check.verdict, Verdict::kOk) << check.name << ": " << check.found;
    EXPECT_FALSE(check.found.empty()) << check.name;
    EXPECT_EQ(check.advice, "") << check.name;
  }
}

TEST(HostChecks, KernelVersions) {
  const std::map<std::string, Verdict> rows = {
      {"4.19.0", Verdict::kFail}, {"5.8.18", Verdict::kFail}, {"5.9.0", Verdict::kWarn},
      {"5.18.1", Verdict::kWarn}, {"6.0.9", Verdict::kWarn},  {"6.1.0-18-amd64", Verdict::kOk},
      {"6.18.4", Verdict::kOk},   {"10.0", Verdict::kOk},     {"odd", Verdict::kWarn}};
  HostFacts facts = good_host();
  for (const auto& [release, verdict] : rows) {
    facts.kernel_release = release;
    const Check check = find(facts, in_relay(), "kernel");
    EXPECT_EQ(check.verdict, verdict) << release;
    EXPECT_EQ(check.advice.empty(), verdict == Verdict::kOk) << release;
  }
}

TEST(HostChecks, CapabilitiesThatAreMissingAreNamed) {
  HostFacts facts = good_host();
  facts.capabilities = 1ULL << CAP_NET_ADMIN;
  EXPECT_EQ(find(facts, in_relay(), "capabilities").verdict, Verdict::kFail);
  EXPECT_EQ(find(facts, in_relay(), "capabilities").found, "missing: CAP_NET_RAW, CAP_PERFMON, CAP_BPF");
  // Of a command that is not the relay it says little.
  EXPECT_EQ(find(facts, {}, "capabilities").verdict, Verdict::kWarn);
}

TEST(HostChecks, RelayPortsAreToBeReserved) {
  HostFacts facts = good_host();
  facts.local_reserved_ports = "3478,5000-5010";
  const Check check = find(facts, in_relay(), "relay ports");
  EXPECT_EQ(check.verdict, Verdict::kWarn);
  EXPECT_EQ(check.advice, "sysctl -w net.ipv4.ip_local_reserved_ports=3478,5000-5010,49152-65535");

  // What lies beyond the host's own range needs no reservation.
  facts.local_reserved_ports = "49152-60999";
  EXPECT_EQ(find(facts, in_relay(), "relay ports").verdict, Verdict::kOk);
  facts.local_reserved_ports = "49152-60998";
  EXPECT_EQ(find(facts, in_relay(), "relay ports").verdict, Verdict::kWarn);
  facts.local_reserved_ports = "";
  facts.local_port_range = "32768\t49151";
  EXPECT_EQ(find(facts, in_relay(), "relay ports").verdict, Verdict::kOk);
  facts.local_port_range = "";
  EXPECT_EQ(find(facts, in_relay(), "relay ports").verdict, Verdict::kWarn);
}

TEST(HostChecks, ReceiveBuffers) {
  HostFacts facts = good_host();
  facts.rmem_max = "212992";
  EXPECT_EQ(find(facts, in_relay(), "receive buffers").verdict, Verdict::kOk);
  facts.capabilities = 0;
  EXPECT_EQ(find(facts, in_relay(), "receive buffers").advice, "sysctl -w net.core.rmem_max=4194304");
  facts.rmem_max = "";
  EXPECT_EQ(find(facts, in_relay(), "receive buffers").verdict, Verdict::kOk);
}

TEST(HostChecks, Bpffs) {
  HostFacts facts = good_host();
  facts.bpffs_mounted = false;
  EXPECT_EQ(find(facts, in_relay(), "bpffs").verdict, Verdict::kWarn);
  EXPECT_EQ(find(facts, {}, "bpffs").verdict, Verdict::kOk) << "the relay mounts one when it starts";
  HostExpectations slow_only = in_relay();
  slow_only.bpffs.clear();
  EXPECT_EQ(find(facts, slow_only, "bpffs").verdict, Verdict::kOk);
  facts.bpf_filesystem_known = false;
  EXPECT_EQ(find(facts, {}, "bpffs").verdict, Verdict::kFail);
}

TEST(HostChecks, AddressesThatAreGoneAreNamed) {
  HostFacts facts = good_host();
  HostExpectations expected = in_relay();
  expected.addresses.push_back(IpAddress::v4(192, 0, 2, 99));
  const Check check = find(facts, expected, "addresses");
  EXPECT_EQ(check.verdict, Verdict::kFail);
  EXPECT_EQ(check.found, "not on this host any more: 192.0.2.99");
  expected.addresses.clear();
  EXPECT_EQ(find(facts, expected, "addresses").verdict, Verdict::kOk);
}

TEST(HostChecks, ForwardingMattersNot) {
  HostFacts facts = good_host();
  facts.ip_forward = "1";
  EXPECT_EQ(find(facts, in_relay(), "ip_forward").verdict, Verdict::kOk);
}

TEST(HostChecks, AClockOfLongAgo) {
  HostFacts facts = good_host();
  facts.wall = WallTime(Seconds(1'735'689'599));
  EXPECT_EQ(find(facts, in_relay(), "clock").verdict, Verdict::kFail);
  EXPECT_EQ(find(facts, in_relay(), "clock").found, "2024-12-31");
  facts.wall += Seconds(1);
  EXPECT_EQ(find(facts, in_relay(), "clock").verdict, Verdict::kOk);
}

TEST(HostChecks, ReadsThisHost) {
  const HostFacts facts = read_host_facts({});
  EXPECT_FALSE(facts.kernel_release.empty());
  EXPECT_FALSE(facts.local_port_range.empty());
  EXPECT_GT(facts.wall.time_since_epoch().count(), 0);
}

TEST(Checks, TheWorstVerdictIsTheReports) {
  const auto verdict = [](std::vector<Check> checks) {
    return to_json(checks)["verdict"].get<std::string>();
  };
  EXPECT_EQ(verdict({}), "ok");
  EXPECT_EQ(verdict({{.name = "a"}, {.name = "b", .verdict = Verdict::kWarn}}), "warn");
  EXPECT_EQ(verdict({{.name = "a", .verdict = Verdict::kFail}, {.name = "b", .verdict = Verdict::kWarn}}),
            "fail");
}

TEST(PortSet, ReadsAndWritesTheSysctl) {
  EXPECT_EQ(PortSet::parse("").to_string(), "");
  EXPECT_EQ(PortSet::parse("3478").to_string(), "3478");
  EXPECT_EQ(PortSet::parse("5,4,1-3,65535").to_string(), "1-5,65535");
  EXPECT_EQ(PortSet::parse("x,7,99999,8-y").to_string(), "7");
  EXPECT_TRUE(PortSet::parse("10-20").contains_all(10, 20));
  EXPECT_FALSE(PortSet::parse("10-20").contains_all(10, 21));
}

}  // namespace
}  // namespace turnpike::admin
