// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace turnpike::config {
namespace {

constexpr const char* kUser = "[auth]\nusers = { alice = \"secret\" }\n";

Config good(const std::string& text) {
  auto config = parse(text + kUser, "t.toml");
  EXPECT_TRUE(config) << text << (config ? "" : config.error().message);
  return config ? *config : Config{};
}

std::string fault(const std::string& text) {
  auto config = parse(text, "t.toml");
  EXPECT_FALSE(config) << text;
  return config ? "" : config.error().message;
}

TEST(Config, EmptyFileButCredentialsGivesTheDefaults) {
  const Config config = good("");
  EXPECT_EQ(config.realm, "turnpike");
  EXPECT_EQ(config.listen.port, 3478);
  EXPECT_EQ(config.relay.first_port, 49152);
  EXPECT_EQ(config.relay.last_port, 65535);
  EXPECT_EQ(config.fastpath.mode, FastPathMode::kAuto);
  EXPECT_EQ(config.log.addresses, "none");
  EXPECT_EQ(config.auth.users.at("alice"), "secret");
}

TEST(Config, ReadsEveryKey) {
  auto parsed = parse(R"(
realm = "example.org"
state_dir = "/tmp/state"
workers = 3
strict_channels = true
[listen]
addresses = ["192.0.2.1", "2001:db8::1"]
port = 5000
[relay]
addresses = ["192.0.2.2", "2001:db8::2"]
ports = "50000-50999"
external = ["203.0.113.5/192.0.2.2", "2001:db8:9::1"]
[fastpath]
mode = "generic"
interfaces = ["eth0", "eth1"]
bpffs = "/run/bpf"
attach = "dispatcher"
answer_binding = true
max_bindings = 1000
[auth]
users = { alice = "a", "bob smith" = "b" }
secrets = ["first-secret", "second-secret"]
nonce_lifetime = 60
[peers]
allow = ["10.0.0.0/8"]
deny = ["198.51.100.0/24", "2001:db8::/32"]
[limits]
allocations = 10
allocations_per_user = 2
permissions = 3
channels = 4
default_lifetime = 100
max_lifetime = 200
allocation_bytes_per_second = 1000
allocation_packets_per_second = 5
allocation_quota_bytes = 6
user_bytes_per_second = 7000
user_packets_per_second = 8
user_quota_bytes = 9
burst = 250
source_requests_per_second = 10
source_requests_burst = 11
[admin]
socket = "/run/t.sock"
[log]
level = "debug"
format = "json"
addresses = "full"
)",
                      "t.toml");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Config& config = *parsed;
  EXPECT_EQ(config.realm, "example.org");
  EXPECT_EQ(config.state_dir, "/tmp/state");
  EXPECT_EQ(config.workers, 3U);
  EXPECT_TRUE(config.strict_channels);
  ASSERT_EQ(config.listen.addresses.size(), 2U);
  EXPECT_EQ(config.listen.addresses[1].to_string(), "2001:db8::1");
  EXPECT_EQ(config.listen.port, 5000);
  EXPECT_EQ(config.relay.addresses[0].to_string(), "192.0.2.2");
  EXPECT_EQ(config.relay.first_port, 50000);
  EXPECT_EQ(config.relay.last_port, 50999);
  EXPECT_EQ(config.relay.external.at(config.relay.addresses[0]).to_string(), "203.0.113.5");
  EXPECT_EQ(config.relay.external.at(config.relay.addresses[1]).to_string(), "2001:db8:9::1");
  EXPECT_EQ(config.fastpath.mode, FastPathMode::kGeneric);
  EXPECT_EQ(config.fastpath.interfaces, (std::vector<std::string>{"eth0", "eth1"}));
  EXPECT_EQ(config.fastpath.bpffs, "/run/bpf");
  EXPECT_EQ(config.fastpath.attach, FastPathAttach::kDispatcher);
  EXPECT_TRUE(config.fastpath.answer_binding);
  EXPECT_EQ(config.fastpath.max_bindings, 1000U);
  EXPECT_EQ(config.auth.users.at("bob smith"), "b");
  EXPECT_EQ(config.auth.secrets, (std::vector<std::string>{"first-secret", "second-secret"}));
  EXPECT_EQ(config.auth.nonce_lifetime, Seconds(60));
  EXPECT_EQ(config.peers.allow.size(), 1U);
  EXPECT_EQ(config.peers.deny.size(), 2U);
  EXPECT_EQ(config.limits.allocations, 10U);
  EXPECT_EQ(config.limits.allocations_per_user, 2U);
  EXPECT_EQ(config.limits.permissions, 3U);
  EXPECT_EQ(config.limits.channels, 4U);
  EXPECT_EQ(config.limits.default_lifetime, Seconds(100));
  EXPECT_EQ(config.limits.max_lifetime, Seconds(200));
  EXPECT_EQ(config.limits.allocation_bytes_per_second, 1000U);
  EXPECT_EQ(config.limits.allocation_packets_per_second, 5U);
  EXPECT_EQ(config.limits.allocation_quota_bytes, 6U);
  EXPECT_EQ(config.limits.user_bytes_per_second, 7000U);
  EXPECT_EQ(config.limits.user_packets_per_second, 8U);
  EXPECT_EQ(config.limits.user_quota_bytes, 9U);
  EXPECT_EQ(config.limits.burst, std::chrono::milliseconds(250));
  EXPECT_EQ(config.limits.source_requests_per_second, 10U);
  EXPECT_EQ(config.limits.source_requests_burst, 11U);
  EXPECT_EQ(config.admin.socket, "/run/t.sock");
  EXPECT_EQ(config.log.level, "debug");
  EXPECT_EQ(config.log.format, "json");
  EXPECT_EQ(config.log.addresses, "full");
}

TEST(Config, ExternalAloneMeansTheOneListeningAddress) {
  const Config config = good("relay.external = \"203.0.113.5\"\nlisten.addresses = \"192.0.2.1\"\n");
  EXPECT_EQ(config.relay.external.at(IpAddress::v4(192, 0, 2, 1)).to_string(), "203.0.113.5");
}

TEST(Config, UserTableMayHaveItsOwnHeader) {
  auto config = parse("[auth.users]\ncarol = \"c\"\n", "t.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->auth.users.at("carol"), "c");
}

TEST(Config, UnknownKeyNamesFileLineKeyAndWhatIsAllowed) {
  EXPECT_EQ(
      fault(std::string("[listen]\nprot = 1\n") + kUser),
      "t.toml:2: key 'listen.prot' is not known; [listen] knows: addresses, port (did you mean 'port'?)");
  EXPECT_EQ(fault(std::string("[admin]\nzzzzzzzz = 1\n") + kUser),
            "t.toml:2: key 'admin.zzzzzzzz' is not known; [admin] knows: socket");
  EXPECT_EQ(
      fault(std::string("[lisen]\nport = 1\n") + kUser),
      "t.toml:1: key 'lisen' is not known; the top level knows: realm, state_dir, workers, strict_channels, "
      "listen, relay, fastpath, auth, peers, limits, admin, log (did you mean 'listen'?)");
}

TEST(Config, TellsAllFaultsInTheOrderOfTheirLines) {
  EXPECT_EQ(fault(std::string("workers = -1\nrealm = 5\n[listen]\nport = 0\n") + kUser),
            "t.toml:1: key 'workers': expected a number from 0 to 256, got -1\n"
            "t.toml:2: key 'realm': expected a text of 1 to 32 bytes without control characters (more would "
            "make the "
            "answer to a stranger's request longer than three times the request), got 5\n"
            "t.toml:4: key 'listen.port': expected a number from 1 to 65535, got 0");
}

TEST(Config, NoCredentialsAreRefused) {
  EXPECT_NE(fault("").find("t.toml:1: no credentials"), std::string::npos);
  EXPECT_NE(fault("realm = \"r\"\n[auth]\nusers = {}\n").find("t.toml:3: no credentials"), std::string::npos);
}

TEST(Config, AFaultyUserIsNotAlsoToldAsMissingCredentials) {
  EXPECT_EQ(fault("[auth]\nusers = { \"a:b\" = \"x\" }\n"),
            "t.toml:2: key 'auth.users': user 'a': expected a name of 1 to 508 bytes without ':' and control "
            "characters");
}

TEST(Config, BrokenTomlNamesItsLine) {
  EXPECT_EQ(fault("realm = \"r\"\nworkers = = 2\n").substr(0, 20), "t.toml:2: not TOML: ");
  EXPECT_EQ(fault("realm = \"r\"\nrealm = \"s\"\n").substr(0, 20), "t.toml:2: not TOML: ");
}

struct BadValue {
  const char* text;
  const char* expected;  // part of the message
};

class ConfigBadValue : public testing::TestWithParam<BadValue> {};

TEST_P(ConfigBadValue, IsRefused) {
  // Dotted keys stand before the table of users, so each row is line 1.
  const std::string message = fault(std::string(GetParam().text) + "\n" + kUser);
  EXPECT_EQ(message.substr(0, 14), "t.toml:1: key ") << message;
  EXPECT_NE(message.find(GetParam().expected), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ConfigBadValue,
    testing::Values(
        BadValue{"fastpath.attach = \"beside\"", "expected one of \"link\", \"dispatcher\", got"},
        BadValue{"limits.user_bytes_per_second = 999",
                 "expected 0 for no limit, or a number from 1000 to 1000000000000000, got 999"},
        BadValue{"limits.allocation_packets_per_second = -1",
                 "expected 0 for no limit, or a number from 1 to"},
        BadValue{"limits.burst = 0", "expected 10 to 60000 milliseconds, as a number, got 0"},
        BadValue{"limits.burst = \"1\"", "expected 10 to 60000 milliseconds, as a number, got"},
        BadValue{"limits.source_requests_burst = 0", "expected a number from 1 to 10000000, got 0"},
        BadValue{"realm = \"\"", "'realm': expected a text of 1 to 32"},
        BadValue{"realm = \"123456789012345678901234567890123\"", "three times the request), got '12345"},
        BadValue{"realm = \"a\\u0007\"", "without control characters"},
        BadValue{"state_dir = \"relative\"", "'state_dir': expected an absolute path"},
        BadValue{"workers = \"2\"", "expected a number from 0 to 256"}, BadValue{"workers = 257", "got 257"},
        BadValue{"workers = 1.5", "got 1.5"},
        BadValue{"strict_channels = 1", "expected true or false, got 1"},
        BadValue{"listen = 5", "'listen': expected a table [listen]"},
        BadValue{"listen.addresses = 5", "expected a list of addresses"},
        BadValue{"listen.addresses = [5]", "expected a list of addresses"},
        BadValue{"listen.addresses = [\"192.0.2\"]", "192.0.2"},
        BadValue{"listen.addresses = [\"0.0.0.0\"]", "wildcard"},
        BadValue{"listen.addresses = [\"::\"]", "wildcard"},
        BadValue{"listen.addresses = [\"::1\", \"0:0::1\"]", "entry 2 repeats an earlier one"},
        BadValue{"listen.port = 65536", "expected a number from 1 to 65535, got 65536"},
        BadValue{"listen.port = 50000", "expected a port outside relay.ports (49152-65535), got 50000"},
        BadValue{"relay.ports = 49152", "expected a range like"},
        BadValue{"relay.ports = \"49152\"", "expected a range like"},
        BadValue{"relay.ports = \"50000-49999\"", "the lower port first"},
        BadValue{"relay.ports = \"0-5\"", "two ports from 1 to 65535"},
        BadValue{"relay.ports = \"1-65536\"", "two ports from 1 to 65535"},
        BadValue{"relay.ports = \"+1-5\"", "two ports"}, BadValue{"relay.ports = \"1-5-6\"", "two ports"},
        BadValue{"relay.external = 7", "'relay.external': expected \"PUBLIC\""},
        BadValue{"relay.external = \"x\"", "expected \"PUBLIC\" or \"PUBLIC/LOCAL\""},
        BadValue{"relay.external = \"203.0.113.1\"", "needs exactly one address of its family"},
        BadValue{"relay.external = \"203.0.113.1/192.0.2.1\"", "expected a relay address after the '/'"},
        BadValue{"relay.external = \"203.0.113.1/::1\"", "two families"},
        BadValue{"relay = { addresses = [\"192.0.2.1\", \"192.0.2.2\"], external = \"203.0.113.1\" }",
                 "there are 2"},
        BadValue{"relay = { addresses = \"192.0.2.1\", external = [\"203.0.113.1\", \"203.0.113.2\"] }",
                 "192.0.2.1 has two public addresses"},
        BadValue{"relay = { addresses = [\"192.0.2.1\", \"192.0.2.2\"], external = "
                 "[\"203.0.113.1/192.0.2.1\", \"203.0.113.1/192.0.2.2\"] }",
                 "203.0.113.1 is the public address of both 192.0.2.1 and 192.0.2.2"},
        BadValue{"relay = { addresses = [\"192.0.2.1\", \"192.0.2.2\"], external = \"192.0.2.2/192.0.2.1\" }",
                 "192.0.2.2 is itself a relay address"},
        BadValue{"relay = { addresses = \"192.0.2.1\", external = \"0.0.0.0\" }",
                 "expected a public address, got 0.0.0.0"},
        BadValue{"relay = { addresses = \"192.0.2.1\", external = \"239.1.1.1\" }", "got 239.1.1.1"},
        BadValue{"relay = { addresses = \"2001:db8::1\", external = \"ff0e::1\" }", "got ff0e::1"},
        BadValue{"fastpath.mode = \"fast\"", "one of \"auto\", \"native\", \"generic\", \"off\", got 'fast'"},
        BadValue{"fastpath.mode = true", "one of \"auto\""},
        BadValue{"fastpath.interfaces = [\"an-interface-name-too-long\"]", "1 to 15"},
        BadValue{"fastpath.bpffs = \"bpf\"", "absolute path"},
        BadValue{"fastpath.max_bindings = 0", "expected a number from 1"},
        BadValue{"peers.allow = [\"10.0.0.0/33\"]", "'peers.allow'"},
        BadValue{"peers.deny = \"nowhere\"", "'peers.deny'"},
        BadValue{"limits.allocations = 0", "'limits.allocations'"},
        BadValue{"limits.default_lifetime = \"10m\"", "seconds, as a number"},
        BadValue{"limits.default_lifetime = 4000", "expected at most limits.max_lifetime (3600), got 4000"},
        BadValue{"admin.socket = \"turnpike.sock\"", "absolute path of at most 107"},
        BadValue{"log.level = \"loud\"", "\"trace\", \"debug\", \"info\", \"warning\", \"error\""},
        BadValue{"log.format = \"xml\"", "one of \"text\", \"json\""},
        BadValue{"log.addresses = \"some\"", "one of \"none\", \"full\""}));

TEST(Config, BadCredentials) {
  const auto refuses = [](const char* auth, const char* part) {
    const std::string message = fault(std::string("[auth]\n") + auth);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  refuses("users = 5", "expected a table of NAME");
  refuses("users = { a = 5 }", "user 'a': expected a password");
  refuses("users = { a = \"\" }", "user 'a': expected a password");
  refuses("users = { \"\" = \"x\" }", "user '': expected a name");
  refuses("users = { \"a\\u0001\" = \"x\" }", "expected a name of 1 to 508");
  refuses("secrets = [\"short\"]", "8 to 1024");
  refuses("secrets = [\"long-enough\", \"long-enough\"]", "entry 2 repeats");
  refuses("secrets = [\"long-enough\"]\nnonce_lifetime = 1",
          "'auth.nonce_lifetime': expected 10 to 86400 seconds");
}

TEST(Config, BadSecretIsNotRepeatedInTheMessage) {
  EXPECT_EQ(fault("[auth]\nsecrets = [\"hush\"]\n").find("hush"), std::string::npos);
  EXPECT_EQ(fault("[auth]\nsecrets = [\"hush-hush\", \"hush-hush\"]\n").find("hush"), std::string::npos);
  EXPECT_EQ(fault("[auth]\nsecrets = [\"hush-hush\", 5]\n").find("hush"), std::string::npos);
}

TEST(Config, NoFaultUnderAuthRepeatsAValue) {
  for (const char* text :
       {"auth = \"alice:hunter2\"", "[auth]\nusers = \"alice:hunter2\"",
        "[auth]\nusers = { alice = [\"hunter2\"] }", "[auth]\nusers = { \"alice:hunter2\" = \"x\" }",
        "[auth]\nsecrets = { a = \"hunter2\" }", "[auth]\nsecrets = [\"hunter2\"]",
        "[auth]\nnonce_lifetime = \"hunter2\""})
    EXPECT_EQ(fault(text).find("hunter2"), std::string::npos) << fault(text);
  EXPECT_NE(fault("[auth]\nsecrets = 12345678\n").find("got a value of type integer"), std::string::npos);
  EXPECT_EQ(fault("[auth]\nsecrets = 12345678\n").find("12345678"), std::string::npos);
  EXPECT_NE(fault("[auth]\nusers = \"alice:hunter2\"\n").find("got a value of type string"),
            std::string::npos);
}

TEST(Config, TheLongestRealm) {
  EXPECT_EQ(good("realm = \"" + std::string(32, 'r') + "\"\n").realm.size(), 32U);
}

TEST(Config, LoadNamesAFileThatIsNotThere) {
  const auto config = load("/nonexistent/turnpike.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
  EXPECT_NE(config.error().message.find("/nonexistent/turnpike.toml"), std::string::npos);
}

TEST(Config, LoadReadsAFile) {
  const std::string path = testing::TempDir() + "turnpike-config-test.toml";
  std::ofstream(path) << "realm = \"from a file\"\n" << kUser;
  const auto config = load(path);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->realm, "from a file");
  std::ofstream(path, std::ios::trunc).close();
  const auto empty = load(path);
  ASSERT_FALSE(empty);
  EXPECT_NE(empty.error().message.find("no credentials"), std::string::npos) << empty.error().message;
  (void)std::remove(path.c_str());
  EXPECT_FALSE(load("/"));
}

}  // namespace
}  // namespace turnpike::config
