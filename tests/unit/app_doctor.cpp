// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.h"

#include <gtest/gtest.h>

#include <set>

#include "unit/app_report_fixture.h"

namespace turnpike::app {
namespace {

using admin::Verdict;

TEST(Doctor, FlowsInUserspaceAreGroupedByReason) {
  ReportedRelay relay;
  std::vector<turn::SessionSnapshot> sessions;
  for (uint64_t id = 1; id <= 10; ++id) {
    sessions.push_back(relay.session(id));
    if (id <= 7) relay.fast_path.flows[{id}] = {false, true, "no neighbour", "ping 192.0.2.5"};
  }
  relay.fast_path.flows[{8}] = {true, false, "local", ""};
  const auto checks = check_flows(relay.view, sessions);
  ASSERT_EQ(checks.size(), 2U);
  EXPECT_EQ(checks[0].verdict, Verdict::kWarn);
  EXPECT_EQ(checks[0].found.rfind("1 flow in userspace: local [0000000000000008]", 0), 0U) << checks[0].found;
  EXPECT_EQ(checks[1].advice, "ping 192.0.2.5");
  EXPECT_TRUE(checks[1].found.ends_with("0000000000000005, ... (7 sessions)]")) << checks[1].found;
  EXPECT_EQ(checks[1].details["sessions"].size(), 7U);

  relay.config.fastpath.mode = config::FastPathMode::kOff;
  EXPECT_EQ(check_flows(relay.view, sessions)[1].verdict, Verdict::kOk) << "off on purpose is no fault";
}

TEST(Doctor, FlowsInTheKernelAreWell) {
  ReportedRelay relay;
  EXPECT_EQ(check_flows(relay.view, {}).at(0).found, "none");
  const auto checks = check_flows(relay.view, {relay.session(1), relay.session(2)});
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks[0].verdict, Verdict::kOk);
  EXPECT_EQ(checks[0].found, "2 flows in the kernel, none in userspace");
}

TEST(Doctor, APermissionThatNoChannelUsesIsAFlow) {
  ReportedRelay relay;
  turn::SessionSnapshot session = relay.session(1);
  session.permissions.push_back({IpAddress::v4(203, 0, 113, 6), session.expires});
  EXPECT_EQ(check_flows(relay.view, {session}).at(0).found, "2 flows in the kernel, none in userspace");
}

TEST(Doctor, InterfacesSayModeReasonAndRemedy) {
  ReportedRelay relay;
  relay.fast_path.interface_rows = {{"eth0", 2, "veth", fastpath::Mode::kNative, "", ""},
                                    {"eth1", 3, "veth", fastpath::Mode::kGeneric, "sends nothing", "gro on"}};
  auto checks = check_interfaces(relay.view);
  ASSERT_EQ(checks.size(), 2U);
  EXPECT_EQ(checks[0].verdict, Verdict::kOk);
  EXPECT_EQ(checks[1].verdict, Verdict::kWarn);
  EXPECT_EQ(checks[1].found, "generic (veth): sends nothing");
  EXPECT_EQ(checks[1].advice, "gro on");
  relay.config.fastpath.mode = config::FastPathMode::kGeneric;
  EXPECT_EQ(check_interfaces(relay.view)[1].verdict, Verdict::kOk) << "as configured";
}

TEST(Doctor, WhatStandsInTheWayOfANativeInterfaceIsAWarning) {
  ReportedRelay relay;
  relay.fast_path.interface_rows = {{"eth0",
                                     2,
                                     "veth",
                                     fastpath::Mode::kNative,
                                     "the device strips VLAN tags",
                                     "ethtool -K eth0 rxvlan off",
                                     {"eth0.5"}}};
  const auto checks = check_interfaces(relay.view);
  EXPECT_EQ(checks.at(0).verdict, Verdict::kWarn);
  EXPECT_EQ(checks.at(0).found, "native (veth), with VLANs eth0.5: the device strips VLAN tags");
  EXPECT_EQ(checks.at(0).advice, "ethtool -K eth0 rxvlan off");
}

TEST(Doctor, TablesThatAreNearlyFullAreNamed) {
  ReportedRelay relay;
  relay.fast_path.table_rows = {{"bindings", 89, 100, 0}, {"flows", 90, 100, 0}, {"users", 1, 100, 3}};
  const auto checks = check_tables(relay.view);
  ASSERT_EQ(checks.size(), 3U);
  EXPECT_EQ(checks[0].name, "table flows");
  EXPECT_EQ(checks[0].verdict, Verdict::kWarn);
  EXPECT_NE(checks[0].advice.find("max_bindings"), std::string::npos);
  EXPECT_EQ(checks[1].found, "users 1 of 100; 3 found it full");
  EXPECT_EQ(checks[2].found, "bindings 89 of 100");
  EXPECT_EQ(checks[2].verdict, Verdict::kOk);
}

TEST(Doctor, ATakeoverThatFailedIsTold) {
  ReportedRelay relay;
  EXPECT_EQ(check_takeover(relay.view).found, "no sessions of an earlier process");
  relay.view.taken_over = 3;
  EXPECT_EQ(check_takeover(relay.view).verdict, Verdict::kOk);
  relay.view.discarded = "maps of version 1, this relay has 2";
  EXPECT_EQ(check_takeover(relay.view).verdict, Verdict::kWarn);
  EXPECT_NE(check_takeover(relay.view).found.find("version 1"), std::string::npos);
}

TEST(Doctor, NoInterfaceAtAllIsAWarningUnlessOff) {
  ReportedRelay relay;
  EXPECT_EQ(check_interfaces(relay.view).at(0).verdict, Verdict::kWarn);
  EXPECT_EQ(check_interfaces(relay.view).at(0).found, "none (a reason)");
  relay.config.fastpath.mode = config::FastPathMode::kOff;
  EXPECT_EQ(check_interfaces(relay.view).at(0).verdict, Verdict::kOk);
}

TEST(Doctor, AStoppedWorkerIsAFailure) {
  ReportedRelay relay;
  const auto checks = check_workers(gather_totals(relay.view));
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks[0].verdict, Verdict::kFail);
  EXPECT_EQ(checks[0].found, "worker 0 has stopped");
}

TEST(Doctor, RefusalsAreNamed) {
  RelayTotals totals;
  totals.sum.io.steer_failed = 1;
  totals.sum.io.fast_refused = 2;
  const auto checks = check_workers(totals);
  ASSERT_EQ(checks.size(), 3U);
  EXPECT_EQ(checks[1].name, "steering");
  EXPECT_EQ(checks[2].name, "kernel tables");
}

TEST(Doctor, ExaminesHostAndRelay) {
  ReportedRelay relay;
  std::set<std::string> names;
  for (const admin::Check& check : examine(relay.view, relay.now))
    names.insert(check.name);
  for (const char* name :
       {"kernel", "capabilities", "relay ports", "addresses", "workers", "takeover", "fast path", "flows"})
    EXPECT_TRUE(names.contains(name)) << name;
}

}  // namespace
}  // namespace turnpike::app
