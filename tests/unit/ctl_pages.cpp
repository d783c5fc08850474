// SPDX-License-Identifier: Apache-2.0
//
// The pages that turnpikectl makes of the relay's answers.
#include <gtest/gtest.h>

#include "turnpikectl/blocks.h"
#include "turnpikectl/check_config.h"
#include "turnpikectl/counters.h"
#include "turnpikectl/credentials.h"
#include "turnpikectl/doctor.h"
#include "turnpikectl/sessions.h"
#include "turnpikectl/status.h"

namespace turnpike::ctl {
namespace {

bool has(const std::string& page, const std::string& text) {
  return page.find(text) != std::string::npos;
}

Json parse(const char* text) {
  return Json::parse(text);
}

const char* const kRelayed = R"({
  "fast": {"packets": 999, "bytes": 2048, "to_peer": {"packets": 999, "bytes": 2048},
           "to_client": {"packets": 0, "bytes": 0}, "hairpin": {"packets": 0, "bytes": 0}},
  "slow": {"packets": 1, "bytes": 10, "to_peer": {"packets": 1, "bytes": 10},
           "to_client": {"packets": 0, "bytes": 0}},
  "fast_share": 0.999})";

TEST(Pages, RelayedByWhom) {
  EXPECT_EQ(render_relayed(parse(kRelayed)),
            "  relayed by  packets    bytes    share\n"
            "  kernel          999  2.0 KiB  99.90 %\n"
            "  userspace         1     10 B   0.10 %\n");
}

TEST(Pages, Drops) {
  EXPECT_EQ(render_drops(Json::array()), "no packet came yet\n");
  const std::string page = render_drops(parse(R"([
    {"path": "fast", "verdict": "passed", "reason": "stun", "packets": 1234, "bytes": 0, "meaning": "a STUN message"},
    {"path": "slow", "verdict": "dropped", "reason": "no_permission", "packets": 2, "meaning": "none"}])"));
  EXPECT_TRUE(has(page, "kernel     passed   stun             1,234      -  a STUN message\n")) << page;
  EXPECT_TRUE(has(page, "userspace  dropped  no_permission")) << page;
  EXPECT_TRUE(has(page, "\n1,234 passed, 2 dropped\npassed: not lost")) << page;
  EXPECT_FALSE(has(render_drops(parse(R"([{"path": "fast", "verdict": "relayed", "reason": "relayed_send",
                                           "packets": 5, "bytes": 9, "meaning": "m"}])")),
                   "not lost"));
}

TEST(Pages, SessionIdsAreAsLongAsTellsThemApart) {
  Json row =
      parse(R"({"id": "0123456789000000", "user": "a", "client": "c", "relayed": "r", "expires_in_s": 60,
    "channels": 1, "permissions": 2, "fast": {"packets": 0, "bytes": 0},
    "slow": {"packets": 1000, "bytes": 1024}, "path": "slow"})");
  EXPECT_EQ(render_sessions(Json::array()), "no sessions\n");
  EXPECT_TRUE(has(render_sessions(Json::array({row})), "\n01234567  a"));
  Json other = row;
  other["id"] = "0123456799000000";
  const std::string page = render_sessions(Json::array({row, other}));
  EXPECT_TRUE(has(page, "\n012345678  a")) << page;
  EXPECT_TRUE(has(page, "1,000 / 1.0 KiB")) << page;
  EXPECT_TRUE(page.ends_with("2 sessions\n")) << page;
}

TEST(Pages, ASessionSaysHowItsPermissionsAndChannelsAreCarried) {
  const std::string page = render_session(parse(R"({"id": "0123456789000000", "user": "a", "client": "c",
    "server": "s", "transport": "udp", "relayed": "r", "expires_in_s": 60, "age_s": 5, "path": "fast",
    "fast": {"to_peer": {"packets": 1, "bytes": 1}, "to_client": {"packets": 0, "bytes": 0}},
    "slow": {"to_peer": {"packets": 0, "bytes": 0}, "to_client": {"packets": 0, "bytes": 0}},
    "refused": {"packets": 3, "bytes": 10},
    "permissions": [{"peer": "192.0.2.5", "expires_in_s": 9, "to_peer": "fast", "to_client": "slow",
                     "reason": "no route", "remedy": "ip route add"}],
    "channels": [{"channel": "0x4000", "peer": "192.0.2.5:9", "expires_in_s": 9, "to_peer": "fast",
                  "to_client": "fast", "reason": "", "remedy": ""}]})"));
  EXPECT_TRUE(has(page, "limits   refused 3 / 10 B in the kernel\n")) << page;
  EXPECT_TRUE(has(page, "192.0.2.5        9s  kernel   userspace  no route\n")) << page;
  EXPECT_TRUE(has(page, " -> ip route add\n")) << page;
  EXPECT_TRUE(has(page, "0x4000   192.0.2.5:9       9s  kernel   kernel\n")) << page;
}

TEST(Pages, Blocks) {
  EXPECT_EQ(render_block(parse(R"({"prefix": "192.0.2.0/24"})")),
            "blocked 192.0.2.0/24 until it is unblocked\n");
  EXPECT_EQ(render_block(parse(R"({"prefix": "192.0.2.0/24", "expires": 60})")),
            "blocked 192.0.2.0/24 until 1970-01-01 00:01:00 UTC\n");
  EXPECT_EQ(render_blocked(Json::array()), "nothing is blocked\n");
  const std::string page =
      render_blocked(parse(R"([{"prefix": "192.0.2.0/24", "expires": 60, "expires_in_s": 60},
                                                    {"prefix": "2001:db8::1"}])"));
  EXPECT_TRUE(has(page, "192.0.2.0/24   1m 00s  until 1970-01-01 00:01:00 UTC\n")) << page;
  EXPECT_TRUE(has(page, "2001:db8::1         -  until it is unblocked\n")) << page;
}

TEST(Pages, DoctorCountsItsFindings) {
  const std::string page = render_doctor(parse(R"({"verdict": "fail", "checks": [
    {"name": "a", "verdict": "ok", "found": "x", "advice": ""},
    {"name": "b", "verdict": "warn", "found": "y", "advice": "do this"},
    {"name": "c", "verdict": "fail", "found": "z", "advice": ""}]})"));
  EXPECT_EQ(page,
            "ok    a  x\n"
            "warn  b  y\n"
            "         -> do this\n"
            "fail  c  z\n"
            "\n"
            "1 failure, 1 warning\n");
}

TEST(Pages, Credentials) {
  EXPECT_EQ(
      render_credentials(parse(R"({"username": "60:bob", "password": "p", "expires": 60, "lifetime_s": 60,
                                         "realm": "r", "uris": ["turn:192.0.2.1:3478?transport=udp"]})")),
      "uri       turn:192.0.2.1:3478?transport=udp\n"
      "username  60:bob\n"
      "password  p\n"
      "realm     r\n"
      "valid     1m 00s, until 1970-01-01 00:01:00 UTC\n");
}

TEST(Pages, SettingsShowNoSecrets) {
  config::Config config;
  config.auth.users = {{"alice", "wonderland"}};
  config.auth.secrets = {"north"};
  config.relay.external = {{IpAddress::v4(10, 0, 0, 1), IpAddress::v4(192, 0, 2, 1)}};
  const std::string page = render_settings(settings_of(config));
  EXPECT_TRUE(has(page, "alice"));
  EXPECT_FALSE(has(page, "wonderland"));
  EXPECT_FALSE(has(page, "north"));
  EXPECT_TRUE(has(page, "192.0.2.1/10.0.0.1"));
  EXPECT_TRUE(has(page, "49152-65535"));
}

TEST(Pages, AnAnswerOfAnotherFormIsAnExceptionThatTheCallerExpects) {
  for (const auto render : {render_status, render_stats, render_session, render_credentials, render_doctor})
    EXPECT_THROW((void)render(Json::object()), Json::exception);
}

}  // namespace
}  // namespace turnpike::ctl
