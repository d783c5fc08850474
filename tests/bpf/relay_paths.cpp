// SPDX-License-Identifier: Apache-2.0
//
// That costs can be believed: the interpreter that counts them does to every packet of the table what the
// kernel does.
#include <gtest/gtest.h>

#include <set>

#include "cost/path_cost.h"
#include "cost/paths.h"
#include "model.h"

namespace turnpike::bpf_test {
namespace {

TEST(RelayPaths, InterpreterAgreesWithTheKernel) {
  ASSERT_NE(program(), nullptr);
  const auto meter = PathMeter::create(*program());
  ASSERT_TRUE(meter) << meter.error().message;
  for (const Row& row : all_rows()) {
    const auto cost = (*meter)->measure(row);
    ASSERT_TRUE(cost) << row.name << ": " << cost.error().message;
    EXPECT_GT(cost->instructions, 10u) << row.name;
    EXPECT_EQ(cost->lookups.at("reasons"), 1u) << row.name;
  }
}

TEST(RelayPaths, HaveEveryReason) {
  std::set<std::string> untold;
  for (const Row& row : all_rows())
    untold.insert(name_of(row.reason));
  std::vector<std::string> missing;
  for (const Path& path : all_paths(missing))
    untold.erase(name_of(path.row.reason));
  EXPECT_EQ(missing, std::vector<std::string>{});
  EXPECT_EQ(untold, std::set<std::string>{});
}

}  // namespace
}  // namespace turnpike::bpf_test
