// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/table.h"

#include <gtest/gtest.h>

#include "turnpikectl/units.h"

namespace turnpike::ctl {
namespace {

TEST(Table, ColumnsLineUp) {
  Table table({{"name"}, {"packets", Align::kRight}, {"path"}});
  table.add({"a", "1", "fast"});
  table.add({"longer", "1,234,567", ""});
  EXPECT_EQ(table.to_string(),
            "name      packets  path\n"
            "a               1  fast\n"
            "longer  1,234,567\n");
}

TEST(Table, PlainHasNoHeaderLine) {
  Table table = Table::plain(2, 2);
  EXPECT_EQ(table.to_string(), "");
  table.add({"key", "value"});
  table.add({"", "more"});
  EXPECT_EQ(table.to_string(), "  key  value\n       more\n");
}

TEST(Table, CountsCharactersNotBytes) {
  Table table = Table::plain(2);
  table.add({"マトリックス", "x"});
  table.add({"abcdef", "y"});
  EXPECT_EQ(table.to_string(), "マトリックス  x\nabcdef  y\n");
}

TEST(Table, ATerminalIsNotCommandedByANameInIt) {
  EXPECT_EQ(printable("a\x1b[31mb\n\x7f"), "a?[31mb??");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "31m\xc3\xa9\xc2"),
            "a?31m\xc3\xa9\xc2");
  Table table = Table::plain(1);
  table.add({"\x1b[2J"});
  EXPECT_EQ(table.to_string(), "?[2J\n");
}

TEST(Table, ShortRowsAreFilledUp) {
  Table table = Table::plain(3);
  table.add({"a"});
  EXPECT_EQ(table.to_string(), "a\n");
}

TEST(Units, Counts) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(123456), "123,456");
  EXPECT_EQ(format_count(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(Units, Bytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(format_bytes(5ULL << 30), "5.0 GiB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "16.0 EiB");
}

TEST(Units, Durations) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(59), "59s");
  EXPECT_EQ(format_duration(60), "1m 00s");
  EXPECT_EQ(format_duration(3599), "59m 59s");
  EXPECT_EQ(format_duration(3600 + 180), "1h 03m");
  EXPECT_EQ(format_duration(5 * 86400 + 4 * 3600), "5d 04h");
}

TEST(Units, WhatIsNotAllDoesNotLookLikeAll) {
  EXPECT_EQ(format_share(1), "100.00 %");
  EXPECT_EQ(format_share(0.999999), "99.99 %");
  EXPECT_EQ(format_share(0), "0.00 %");
}

TEST(Units, TimesAndPlurals) {
  EXPECT_EQ(format_utc(0), "1970-01-01 00:00:00 UTC");
  EXPECT_EQ(format_plural(1, "flow"), "1 flow");
  EXPECT_EQ(format_plural(2000, "flow"), "2,000 flows");
}

}  // namespace
}  // namespace turnpike::ctl
