// SPDX-License-Identifier: Apache-2.0
#include "app/report.h"

#include <gtest/gtest.h>

#include <optional>

#include "app/reasons.h"
#include "app/report_blocks.h"
#include "app/report_counters.h"
#include "app/report_sessions.h"
#include "auth/credentials.h"
#include "unit/app_report_fixture.h"

namespace turnpike::app {
namespace {

using admin::Json;

TEST(ReportStats, SumsWhatTheKernelAndUserspaceRelayed) {
  fastpath::ReasonCounters fast{};
  fast[TP_RELAYED_TO_PEER] = {10, 1000};
  fast[TP_RELAYED_TO_CLIENT] = {20, 2000};
  fast[TP_RELAYED_SEND] = {3, 300};
  fast[TP_RELAYED_DATA] = {4, 400};
  fast[TP_RELAYED_HAIRPIN] = {30, 3000};
  fast[TP_ANSWERED_BINDING] = {88, 8800};
  fast[TP_PASS_STUN] = {99, 9900};
  RelayTotals totals;
  totals.sum.slow = {
      .to_peer_packets = 18, .to_peer_bytes = 250, .to_client_packets = 15, .to_client_bytes = 150};
  totals.sum.allocations = 3;
  totals.sum.permissions = 4;
  totals.sum.channels = 5;
  const Json stats = counters_report(fast, totals);
  EXPECT_EQ(stats["relayed"]["fast"]["packets"], 67);
  EXPECT_EQ(stats["relayed"]["fast"]["bytes"], 6700);
  EXPECT_EQ(stats["relayed"]["fast"]["to_peer"], (Json{{"packets", 13}, {"bytes", 1300}}));
  EXPECT_EQ(stats["relayed"]["fast"]["to_client"], (Json{{"packets", 24}, {"bytes", 2400}}));
  EXPECT_EQ(stats["relayed"]["fast"]["indications"], (Json{{"packets", 7}, {"bytes", 700}}));
  EXPECT_EQ(stats["relayed"]["fast"]["hairpin"], (Json{{"packets", 30}, {"bytes", 3000}}));
  EXPECT_EQ(stats["relayed"]["slow"]["packets"], 33);
  EXPECT_EQ(stats["relayed"]["slow"]["bytes"], 400);
  EXPECT_EQ(stats["relayed"]["slow"]["to_client"], (Json{{"packets", 15}, {"bytes", 150}}));
  EXPECT_DOUBLE_EQ(stats["relayed"]["fast_share"].get<double>(), 0.67);
  EXPECT_EQ(stats["allocations"], 3);
  EXPECT_EQ(stats["permissions"], 4);
  EXPECT_EQ(stats["channels"], 5);
}

TEST(ReportStats, NothingRelayedHasNoShare) {
  EXPECT_FALSE(counters_report({}, {})["relayed"].contains("fast_share"));
}

TEST(ReportStats, TellsOfTablesBlocksAndTakeover) {
  ReportedRelay relay;
  relay.fast_path.table_rows = {{"flows", 5, 10, 1}};
  relay.view.taken_over = 7;
  ASSERT_TRUE(relay.blocks.block(*Prefix::parse("192.0.2.0/24"), Seconds(60), relay.now));
  const Json stats = stats_report(relay.view, {});
  EXPECT_EQ(stats["tables"], Json::array({{{"name", "flows"}, {"used", 5}, {"size", 10}, {"refused", 1}}}));
  EXPECT_EQ(stats["taken_over"], 7);
  EXPECT_EQ(stats["blocked"], 1);
  EXPECT_TRUE(stats["relayed"]["fast"].contains("packets"));
}

TEST(ReportDrops, HidesWhatNeverHappenedUnlessAsked) {
  fastpath::ReasonCounters fast{};
  fast[TP_RELAYED_TO_PEER] = {10, 1000};
  fast[TP_ANSWERED_BINDING] = {4, 0};
  fast[TP_PASS_MTU] = {2, 3000};
  fast[TP_DROP_REWRITE] = {1, 0};
  RelayTotals totals;
  totals.sum.drops[static_cast<size_t>(turn::DropReason::kNoPermission)] = 7;
  totals.icmp_ignored = 3;
  const Json rows = drops_report(fast, totals, false);
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows[0]["verdict"], "relayed");
  EXPECT_EQ(rows[1]["verdict"], "answered");
  EXPECT_EQ(rows[2], (Json{{"path", "fast"},
                           {"verdict", "passed"},
                           {"reason", "mtu"},
                           {"packets", 2},
                           {"bytes", 3000},
                           {"meaning", "larger than the outgoing interface's MTU"}}));
  EXPECT_EQ(rows[3]["verdict"], "dropped");
  EXPECT_EQ(rows[4]["path"], "slow");
  EXPECT_EQ(rows[4]["reason"], "no_permission");
  EXPECT_EQ(rows[4]["packets"], 7);
  EXPECT_EQ(rows[5]["reason"], "icmp_ignored");
  EXPECT_EQ(rows[5]["packets"], 3);

  const Json all = drops_report(fast, totals, true);
  constexpr size_t kOtherReasons = 3;
  EXPECT_EQ(all.size(), TP_REASON_COUNT + totals.sum.drops.size() + kOtherReasons);
  for (const Json& row : all) {
    EXPECT_NE(row["meaning"], "") << row;
    EXPECT_NE(row["reason"], "") << row;
  }
}

TEST(ReportDrops, EveryReasonIsInTheGroupOfItsName) {
  EXPECT_EQ(kReasons[TP_RELAYED_HAIRPIN].verdict, "relayed");
  EXPECT_EQ(kReasons[TP_ANSWERED_BINDING].verdict, "answered");
  EXPECT_EQ(kReasons[TP_PASS_NOT_IP].verdict, "passed");
  EXPECT_EQ(kReasons[TP_PASS_HAIRPIN].verdict, "passed");
  EXPECT_EQ(kReasons[TP_DROP_REWRITE].verdict, "dropped");
  EXPECT_EQ(kReasons[TP_DROP_USER_QUOTA].verdict, "dropped");
}

TEST(ReportBlocks, ComeAndGo) {
  ReportedRelay relay;
  const auto blocked = block(relay.blocks, "192.0.2.7/24", 60, relay.now);
  ASSERT_TRUE(blocked) << blocked.error().message;
  EXPECT_EQ((*blocked)["prefix"], "192.0.2.0/24");
  EXPECT_EQ((*blocked)["expires_in_s"], 60);
  ASSERT_TRUE(block(relay.blocks, "2001:db8::1", std::nullopt, relay.now));
  const Json rows = blocked_report(relay.blocks, relay.now);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["expires"], 1'770'000'060);
  EXPECT_FALSE(rows[1].contains("expires"));
  EXPECT_TRUE(unblock(relay.blocks, "192.0.2.0/24"));
  EXPECT_EQ(unblock(relay.blocks, "192.0.2.0/24").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(blocked_report(relay.blocks, relay.now).size(), 1U);
}

TEST(ReportBlocks, RefuseBadWishes) {
  ReportedRelay relay;
  for (const char* prefix : {"", "x", "192.0.2.0/33", "192.0.2"})
    EXPECT_EQ(block(relay.blocks, prefix, 60, relay.now).error().code, ErrorCode::kInvalid) << prefix;
  for (const int64_t seconds : {int64_t{0}, int64_t{-1}, INT64_MAX})
    EXPECT_EQ(block(relay.blocks, "192.0.2.1", seconds, relay.now).error().code, ErrorCode::kInvalid);
}

TEST(ReportSessions, PathJudgesThePacketsSoFar) {
  ReportedRelay relay;
  const auto path = [&relay](uint64_t fast, uint64_t slow) {
    relay.fast_path.flow_counters[{1}].relayed.to_peer_packets = fast;
    return sessions_report({relay.session(1, slow)}, relay.fast_path, relay.now)[0]["path"]
        .get<std::string>();
  };
  EXPECT_EQ(path(0, 0), "idle");
  EXPECT_EQ(path(5, 0), "fast");
  EXPECT_EQ(path(990, 10), "fast");
  EXPECT_EQ(path(989, 11), "mixed");
  EXPECT_EQ(path(0, 3), "slow");
}

TEST(ReportSessions, ARowNamesEndsAndTimes) {
  ReportedRelay relay;
  const Json row = sessions_report({relay.session(0xabc, 2)}, relay.fast_path, relay.now)[0];
  EXPECT_EQ(row["id"], "0000000000000abc");
  EXPECT_EQ(row["user"], "alice");
  EXPECT_EQ(row["client"], "203.0.113.9:40000");
  EXPECT_EQ(row["relayed"], "198.51.100.7:50001");
  EXPECT_EQ(row["expires_in_s"], 540);
  EXPECT_EQ(row["channels"], 1);
  EXPECT_EQ(row["permissions"], 1);
  EXPECT_EQ(row["slow"]["packets"], 2);
  EXPECT_EQ(row["slow"]["to_peer"]["bytes"], 200);
}

TEST(ReportShow, ThePrefixOfAnIdIsEnough) {
  ReportedRelay relay;
  relay.fast_path.flows[{0xa2}] = {true, false, "next hop unresolved", "ping it"};
  relay.fast_path.flow_counters[{0xa2}] = {.relayed = {}, .refused_packets = 3, .refused_bytes = 300};
  const std::vector<turn::SessionSnapshot> sessions = {relay.session(0xa1), relay.session(0xa2)};
  const auto shown = show_report(sessions, "00000000000000A2", relay.view, relay.now);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ((*shown)["id"], "00000000000000a2");
  EXPECT_EQ((*shown)["age_s"], 60);
  EXPECT_EQ((*shown)["permissions"][0], (Json{{"peer", "203.0.113.5"},
                                              {"expires_in_s", 240},
                                              {"to_peer", "fast"},
                                              {"to_client", "slow"},
                                              {"reason", "next hop unresolved"},
                                              {"remedy", "ping it"}}));
  EXPECT_EQ((*shown)["refused"], (Json{{"packets", 3}, {"bytes", 300}}));
  const Json& channel = (*shown)["channels"][0];
  EXPECT_EQ(channel["channel"], "0x4000");
  EXPECT_EQ(channel["expires_in_s"], 1) << "a nanosecond is left: not yet 0";
  EXPECT_EQ(channel["to_peer"], "fast");
  EXPECT_EQ(channel["to_client"], "slow");
  EXPECT_EQ(channel["reason"], "next hop unresolved");
  EXPECT_EQ(channel["remedy"], "ping it");
}

TEST(ReportShow, APermittedRelayAddressIsLookedUpAsItIsOnTheInterface) {
  ReportedRelay relay;
  turn::SessionSnapshot session = relay.session(0xa1);
  session.permissions.front().peer = IpAddress::v4(198, 51, 100, 7);
  const auto shown = show_report({session}, "00000000000000a1", relay.view, relay.now);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ((*shown)["permissions"][0]["peer"], "198.51.100.7");
  EXPECT_EQ(relay.fast_path.asked_for, IpAddress::v4(192, 0, 2, 1));
}

TEST(ReportShow, UnknownAndAmbiguousIdsNameCandidates) {
  ReportedRelay relay;
  std::vector<turn::SessionSnapshot> sessions;
  EXPECT_EQ(show_report(sessions, "a", relay.view, relay.now).error().message,
            "session 'a': the relay has no sessions");
  for (uint64_t id = 1; id <= 12; ++id)
    sessions.push_back(relay.session(id));
  const auto ambiguous = show_report(sessions, "000", relay.view, relay.now);
  ASSERT_FALSE(ambiguous);
  EXPECT_EQ(ambiguous.error().code, ErrorCode::kInvalid);
  EXPECT_NE(ambiguous.error().message.find("it fits 12: 0000000000000001, "), std::string::npos);
  EXPECT_TRUE(ambiguous.error().message.ends_with(" and 2 more")) << ambiguous.error().message;
  const auto unknown = show_report(sessions, "f", relay.view, relay.now);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(show_report(sessions, "", relay.view, relay.now));
}

TEST(ReportStatus, TellsOfTheRelay) {
  ReportedRelay relay;
  ASSERT_TRUE(relay.ports.claim({IpAddress::v4(192, 0, 2, 1), 50004}));
  relay.fast_path.interface_rows = {{"eth0",
                                     2,
                                     "virtio_net",
                                     fastpath::Mode::kGeneric,
                                     "no queues",
                                     "ethtool -L eth0 combined 1",
                                     {"eth0.5"}}};
  const Json status = status_report(relay.view, relay.now);
  EXPECT_EQ(status["version"], "1.2.3");
  EXPECT_EQ(status["uptime_s"], 100);
  EXPECT_EQ(status["listening"], Json::array({"192.0.2.1:3478"}));
  EXPECT_EQ(status["relay"]["ports_in_use"], 1);
  EXPECT_EQ(status["relay"]["ports"], 10);
  EXPECT_EQ(status["interfaces"][0]["mode"], "generic");
  EXPECT_EQ(status["interfaces"][0]["vlans"], Json::array({"eth0.5"}));
  EXPECT_EQ(status["rates"]["allocation"]["bytes_per_second"], 0);
  EXPECT_EQ(status["workers"][0]["running"], false);
  EXPECT_TRUE(status.contains("relayed"));
}

TEST(ReportCredentials, AreThoseThatTheRelayAccepts) {
  ReportedRelay relay;
  const auto made = credentials_report(relay.view, "bob", Seconds(60), relay.now);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)["username"], "1770000060:bob");
  EXPECT_EQ((*made)["uris"], Json::array({"turn:198.51.100.7:3478?transport=udp"}))
      << "clients see the external address";
  const auto passwords = auth::RestSecrets({"secret"}).passwords_of("1770000060:bob", relay.now.wall);
  ASSERT_EQ(passwords.size(), 1U);
  EXPECT_EQ((*made)["password"], passwords.front());
}

TEST(ReportCredentials, RefusesBadWishes) {
  ReportedRelay relay;
  const auto code = [&relay](const std::string& id, int64_t lifetime) {
    const auto made = credentials_report(relay.view, id, Seconds(lifetime), relay.now);
    return made ? std::nullopt : std::optional(made.error().code);
  };
  EXPECT_EQ(code("", 1), std::nullopt);
  EXPECT_EQ(code("", 0), ErrorCode::kInvalid);
  EXPECT_EQ(code("", INT64_MAX), ErrorCode::kInvalid);
  EXPECT_EQ(code("a\nb", 60), ErrorCode::kInvalid);
  EXPECT_EQ(code(std::string(600, 'x'), 60), ErrorCode::kInvalid);
  relay.view.credential_secret.clear();
  EXPECT_EQ(code("", 60), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace turnpike::app
