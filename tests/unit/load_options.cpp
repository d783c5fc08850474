// SPDX-License-Identifier: Apache-2.0
//
// What turnpike-load's command line accepts, refuses and fills in.
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "turnpike-load/command_line.h"

namespace turnpike::load {
namespace {

CommandLine read(const std::string& line) {
  std::istringstream words(line);
  std::vector<std::string> arguments{"turnpike-load"};
  for (std::string word; words >> word;)
    arguments.push_back(word);
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(argument.c_str());
  return read_command_line(static_cast<int>(pointers.size()), pointers.data());
}

const std::string kRelay = "relay --relay 198.18.1.1:3478 --peer 198.18.2.2:3480 ";

RelayOptions accepted(const std::string& options) {
  const CommandLine line = read(kRelay + options);
  EXPECT_TRUE(line.run) << line.message;
  const auto* relay = std::get_if<RelayOptions>(&line.command);
  return relay == nullptr ? RelayOptions{} : *relay;
}

// The message; empty when the line was not refused.
std::string refusal(const std::string& line) {
  const CommandLine read_line = read(line);
  EXPECT_FALSE(read_line.run) << line;
  EXPECT_EQ(read_line.exit_status, 2) << line;
  return read_line.message;
}

TEST(LoadOptionsTest, HaveDefaults) {
  const RelayOptions options = accepted("");
  EXPECT_EQ(options.direction, Direction::kToPeer);
  EXPECT_EQ(options.framing, Framing::kChannel);
  EXPECT_EQ(options.size, 160);
  EXPECT_EQ(options.bindings, 1u);
  EXPECT_EQ(options.active, 1u);
  EXPECT_EQ(options.cpus, std::vector<int>{0});
}

TEST(LoadOptionsTest, FillInBindingsAndActive) {
  EXPECT_EQ(accepted("--flows 7").bindings, 7u);
  const RelayOptions options = accepted("--flows 1000 --bindings 250000");
  EXPECT_EQ(options.active, 250'000u);
  EXPECT_EQ(accepted("--flows 2 --bindings 10 --active 3").active, 3u);
}

TEST(LoadOptionsTest, ReadAllThatTheyName) {
  const RelayOptions options = accepted(
      "--direction hairpin --framing indication --pairs mixed --profile mixed --rate 5000 --cpus 0,1 --delay "
      "--user u --password p --client-netns c --peer-netns d --relay-netns r --seconds 9 --json "
      "--client-address 198.18.1.2,198.18.1.3");
  EXPECT_EQ(options.direction, Direction::kHairpin);
  EXPECT_EQ(options.framing, Framing::kIndication);
  EXPECT_EQ(options.pairs, Pairs::kMixed);
  EXPECT_EQ(options.profile, Profile::kMixed);
  EXPECT_EQ(options.rate, 5000u);
  EXPECT_EQ(options.cpus, (std::vector<int>{0, 1}));
  EXPECT_TRUE(options.delay && options.json);
  EXPECT_EQ(options.target.client_addresses.size(), 2u);
  EXPECT_EQ(options.target.relay.to_string(), "198.18.1.1:3478");
  EXPECT_EQ(options.peer.to_string(), "198.18.2.2:3480");
  EXPECT_EQ(options.seconds, 9u);
}

TEST(LoadOptionsTest, RefuseWhatContradictsItself) {
  EXPECT_NE(refusal(kRelay + "--bindings 5000").find("4096 channels"), std::string::npos);
  EXPECT_NE(refusal(kRelay + "--flows 8 --bindings 4").find("at least one binding a flow"),
            std::string::npos);
  EXPECT_NE(refusal(kRelay + "--bindings 4 --active 5").find("--active"), std::string::npos);
  EXPECT_NE(refusal(kRelay + "--direction forward --framing indication").find("--framing"),
            std::string::npos);
  EXPECT_NE(refusal(kRelay + "--pairs mixed").find("hairpin"), std::string::npos);
  EXPECT_NE(refusal(kRelay + "--direction hairpin --flows 2 --bindings 6").find("partners"),
            std::string::npos);
  EXPECT_NE(refusal(kRelay + "--cpus 1,1").find("--cpus"), std::string::npos);
  EXPECT_NE(refusal(kRelay + "--client-address fd00::1").find("family"), std::string::npos);
  EXPECT_NE(refusal("relay --relay [fd00::1]:3478 --peer 198.18.2.2:1").find("family"), std::string::npos);
  EXPECT_NE(refusal("relay --relay 198.18.1.1:3478 --peer 198.18.2.2:65000 --bindings 600").find("ports"),
            std::string::npos);
  EXPECT_NE(refusal("allocate --relay 198.18.1.1:3478 --clients 2 --threads 3").find("--threads"),
            std::string::npos);
}

TEST(LoadOptionsTest, RefuseWhatIsOutOfRange) {
  for (const char* option :
       {"--size 31", "--size 1401", "--seconds 0", "--seconds 201", "--flows 0", "--direction up",
        "--framing tcp", "--profile big", "--peer nowhere", "--what 1"})
    EXPECT_FALSE(refusal(kRelay + option).empty()) << option;
  EXPECT_FALSE(refusal("").empty());
  EXPECT_FALSE(refusal("flood").empty());
  EXPECT_FALSE(refusal("hold").empty());
}

TEST(LoadOptionsTest, KnowTheOtherSubcommands) {
  const CommandLine allocate = read("allocate --relay [fd00::1]:3478 --clients 9 --threads 3 --seconds 2");
  ASSERT_TRUE(allocate.run) << allocate.message;
  EXPECT_EQ(std::get<AllocateOptions>(allocate.command).clients, 9u);
  const CommandLine hold = read("hold --relay 198.18.1.1:3478 --allocations 100000");
  ASSERT_TRUE(hold.run) << hold.message;
  EXPECT_EQ(std::get<HoldOptions>(hold.command).allocations, 100'000u);
}

TEST(LoadOptionsTest, HelpSucceedsForEach) {
  for (const char* line : {"--help", "relay --help", "allocate --help", "hold --help"}) {
    const CommandLine help = read(line);
    EXPECT_FALSE(help.run);
    EXPECT_EQ(help.exit_status, 0);
    EXPECT_NE(help.message.find("--help"), std::string::npos);
  }
}

}  // namespace
}  // namespace turnpike::load
