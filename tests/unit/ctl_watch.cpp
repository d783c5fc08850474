// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/watch.h"

#include <gtest/gtest.h>

namespace turnpike::ctl {
namespace {

using std::chrono::duration;

Json row(const char* path, const char* reason, uint64_t packets) {
  return {{"path", path},
          {"verdict", "dropped"},
          {"reason", reason},
          {"packets", packets},
          {"meaning", "a meaning"}};
}

TEST(Watch, OnlyWhatMovedWithItsRate) {
  const Json before = {row("fast", "mtu", 10), row("fast", "stun", 7), row("slow", "mtu", 1)};
  const Json after = {row("fast", "mtu", 30), row("fast", "stun", 7), row("slow", "mtu", 2),
                      row("slow", "no_permission", 4)};
  const Json rows = moved_rows(before, after, duration<double>(2));
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0]["packets"], 20);
  EXPECT_EQ(rows[0]["packets_per_s"], 10.0);
  EXPECT_EQ(rows[1]["path"], "slow") << "the same reason in userspace is another";
  EXPECT_EQ(rows[1]["packets"], 1);
  EXPECT_EQ(rows[2]["reason"], "no_permission");
  EXPECT_EQ(rows[2]["packets"], 4);
}

TEST(Watch, ACounterThatFellIsANewRelays) {
  const Json rows = moved_rows(Json::array({row("fast", "mtu", 10)}), Json::array({row("fast", "mtu", 3)}),
                               duration<double>(1));
  EXPECT_EQ(rows[0]["packets"], 3);
}

TEST(Watch, Page) {
  EXPECT_EQ(render_moved(Json::array(), 0), "1970-01-01 00:00:00 UTC: nothing moved\n");
  const Json rows =
      moved_rows(Json::array(), {row("fast", "mtu", 3), row("slow", "x", 4000)}, duration<double>(2));
  EXPECT_EQ(render_moved(rows, 0),
            "1970-01-01 00:00:00 UTC\n"
            "  path       verdict  reason  packets  a second  meaning\n"
            "  kernel     dropped  mtu           3       1.5  a meaning\n"
            "  userspace  dropped  x         4,000     2,000  a meaning\n");
}

}  // namespace
}  // namespace turnpike::ctl
