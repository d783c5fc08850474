// SPDX-License-Identifier: Apache-2.0
//
// A relay behind a 1:1 NAT: 10.0.0.1 on the interface is 192.0.2.1 outside.
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

Options behind_nat() {
  Options options;
  options.relay_addresses = {{ip("10.0.0.1"), ip("192.0.2.1")}};
  return options;
}

Endpoint inside(const Endpoint& outside) {
  return {ip("10.0.0.1"), outside.port};
}

TEST(TurnNat, TellsTheExternalAddressAndUsesTheLocalOne) {
  World world(behind_nat());
  Client client(world, 1);
  const Lines lines = client.allocate();
  const std::string port = lines[0].substr(std::string("own 10.0.0.1:").size());
  EXPECT_EQ(lines, (Lines{"own 10.0.0.1:" + port, "set #1 t+600", "event allocated #1 alice",
                          "answer 198.51.100.7:1 allocate 200 relayed=192.0.2.1:" + port +
                              " lifetime=600 mapped=198.51.100.7:1 signed=alice"}));
  EXPECT_EQ(client.bind(0x4000, "203.0.113.9:9")[1], "install #1 4000 198.51.100.7:1 10.0.0.1:" + port +
                                                         " 203.0.113.9:9 channel t+600 permission t+300");
  EXPECT_EQ(world.server->sessions(world.now).at(0).relayed, at("192.0.2.1:" + port));
}

TEST(TurnNat, AnotherClientIsReachedByItsExternalAddress) {
  World world(behind_nat());
  Client alice(world, 1);
  Client bob(world, 2, "bob");
  const Endpoint a = alice.allocated();
  const Endpoint b = bob.allocated();
  const std::string from_a_to_b =
      "peer " + inside(a).to_string() + " -> " + inside(b).to_string() + " \"x\" ttl=63 tc=0";
  alice.permit({"192.0.2.1"});
  bob.permit({"192.0.2.1"});
  EXPECT_EQ(alice.send_data(b.to_string(), "x"), Lines{from_a_to_b});
  EXPECT_EQ(alice.bind(0x4000, b.to_string())[0], "install #1 4000 198.51.100.7:1 " + inside(a).to_string() +
                                                      " " + inside(b).to_string() +
                                                      " channel t+600 permission t+300");
  EXPECT_EQ(alice.channel_data(0x4000, "x"), Lines{from_a_to_b});
  EXPECT_EQ(world.from_peer("x", inside(a), inside(b)),
            Lines{"relay 198.51.100.7:2 data peer=" + a.to_string() + " \"x\" ttl=63 tc=0"});
}

TEST(TurnNat, PolicyAndOwnershipSeeTheLocalAddress) {
  World world(behind_nat());
  Client client(world, 1);
  client.allocated();
  client.permit({"192.0.2.1"});
  EXPECT_EQ(client.send_data("192.0.2.1:22", "x"), Lines{});
  EXPECT_EQ(world.server->drops(DropReason::kPeerForbidden), 1u);
  world.peers.forbidden_addresses = {ip("10.0.0.1")};
  EXPECT_EQ(client.permit({"192.0.2.1"})[0], "event refused 403 forbidden address");
}

}  // namespace
}  // namespace turnpike::turn::test
