// SPDX-License-Identifier: Apache-2.0
#include "fastpath/steering.h"

#include "unit/test_network.h"

namespace turnpike::fastpath {
namespace {

class SteeringTest : public TestNetwork {
 protected:
  void SetUp() override {
    TestNetwork::SetUp();
    auto steering = Steering::create({16, 4});
    ASSERT_TRUE(steering) << steering.error().message;
    steering_ = std::move(*steering);
  }
  std::unique_ptr<Steering> steering_;
};

TEST_F(SteeringTest, GivesAnOwnedPortToItsSocket) {
  for (const std::string host : {"192.0.2.1", "[2001:db8::1]"}) {
    const UniqueFd worker = udp_socket(endpoint(host == "192.0.2.1" ? "127.0.0.1:9" : "[::1]:9"), false);
    const UniqueFd peer =
        udp_socket(endpoint(host == "192.0.2.1" ? "192.0.2.2:6000" : "[2001:db8::2]:6000"), true);
    const Endpoint relayed = endpoint(host + ":50000");
    ASSERT_TRUE(steering_->set_socket(1, worker.get()));
    ASSERT_TRUE(steering_->add_port(relayed, 1, 1));
    send(peer, relayed, "to the relay");
    EXPECT_EQ(receive(worker), "to the relay") << host;
    steering_->remove_port(relayed);
    send(peer, relayed, "to nobody");
    EXPECT_TRUE(nothing_comes(worker)) << host;
  }
}

TEST_F(SteeringTest, LeavesOtherPortsToTheHost) {
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  const UniqueFd host = udp_socket(endpoint("192.0.2.1:53"), false);
  const UniqueFd peer = udp_socket(endpoint("192.0.2.2:6000"), true);
  ASSERT_TRUE(steering_->set_socket(0, worker.get()));
  ASSERT_TRUE(steering_->add_port(endpoint("192.0.2.1:50000"), 0, 1));
  send(peer, endpoint("192.0.2.1:53"), "to the host");
  EXPECT_EQ(receive(host), "to the host");
}

TEST_F(SteeringTest, KeepsAFiveTupleOnOneOfSeveralSockets) {
  const UniqueFd workers[] = {udp_socket(endpoint("127.0.0.1:9"), false),
                              udp_socket(endpoint("127.0.0.2:9"), false)};
  const Endpoint server = endpoint("192.0.2.1:3478");
  ASSERT_TRUE(steering_->set_socket(0, workers[0].get()));
  ASSERT_TRUE(steering_->set_socket(1, workers[1].get()));
  ASSERT_TRUE(steering_->add_port(server, 0, 2));
  unsigned on_first = 0;
  constexpr unsigned kClients = 32;
  for (unsigned i = 0; i < kClients; ++i) {
    const UniqueFd client = udp_socket(endpoint("192.0.2.2:" + std::to_string(6000 + i)), true);
    send(client, server, "one");
    send(client, server, "two");
    pollfd ready[] = {{workers[0].get(), POLLIN, 0}, {workers[1].get(), POLLIN, 0}};
    ASSERT_GT(poll(ready, 2, 3000), 0);
    const UniqueFd& chosen = workers[(ready[0].revents & POLLIN) != 0 ? 0 : 1];
    EXPECT_EQ(receive(chosen), "one");
    EXPECT_EQ(receive(chosen), "two");
    if (&chosen == &workers[0]) ++on_first;
  }
  EXPECT_GT(on_first, 0u);
  EXPECT_LT(on_first, kClients);
}

TEST_F(SteeringTest, RefusesWhatDoesNotFit) {
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  EXPECT_EQ(steering_->set_socket(4, worker.get()).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(steering_->add_port(endpoint("192.0.2.1:50000"), 3, 2).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(steering_->add_port(endpoint("192.0.2.1:50000"), 0, 0).error().code, ErrorCode::kInvalid);
  for (unsigned i = 0; i < 16; ++i)
    EXPECT_TRUE(steering_->add_port(endpoint("192.0.2.1:" + std::to_string(50000 + i)), 0, 1));
  EXPECT_EQ(steering_->add_port(endpoint("192.0.2.1:60000"), 0, 1).error().code, ErrorCode::kExhausted);
}

TEST_F(SteeringTest, DetachesWhenDestroyed) {
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  const UniqueFd peer = udp_socket(endpoint("192.0.2.2:6000"), true);
  ASSERT_TRUE(steering_->set_socket(0, worker.get()));
  ASSERT_TRUE(steering_->add_port(endpoint("192.0.2.1:50000"), 0, 1));
  steering_.reset();
  send(peer, endpoint("192.0.2.1:50000"), "to nobody");
  EXPECT_TRUE(nothing_comes(worker));
}

}  // namespace
}  // namespace turnpike::fastpath
