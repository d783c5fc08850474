// SPDX-License-Identifier: Apache-2.0
#include "fastpath/steering.h"

#include <bpf/bpf.h>

#include <filesystem>
#include <set>
#include <vector>

#include "fastpath/map_entries.h"
#include "unit/test_network.h"

namespace turnpike::fastpath {
namespace {

class SteeringTest : public TestNetwork {
 protected:
  static constexpr const char* kPins = "/run/tp/pins";

  void SetUp() override {
    TestNetwork::SetUp();
    start();
  }
  void TearDown() override { stop(); }

  void start(uint32_t max_ports = 16, uint32_t max_sockets = 4) {
    auto bpffs = Bpffs::open(kPins);
    ASSERT_TRUE(bpffs) << bpffs.error().message;
    bpffs_ = std::make_unique<Bpffs>(std::move(*bpffs));
    auto steering = Steering::create({max_ports, max_sockets}, *bpffs_);
    ASSERT_TRUE(steering) << steering.error().message;
    steering_ = std::move(*steering);
  }
  void stop() {
    if (bpffs_) bpffs_->keep(false);
    steering_.reset();
    bpffs_.reset();
  }
  void leave() {
    steering_->keep();
    bpffs_->keep(true);
    steering_.reset();
    bpffs_.reset();
  }
  static uint32_t link_id() {
    const UniqueFd link(bpf_obj_get((std::string(kPins) + "/link-steer").c_str()));
    bpf_link_info info{};
    uint32_t size = sizeof info;
    EXPECT_EQ(bpf_obj_get_info_by_fd(link.get(), &info, &size), 0);
    return info.id;
  }

  std::unique_ptr<Bpffs> bpffs_;
  std::unique_ptr<Steering> steering_;
};

TEST_F(SteeringTest, GivesAnOwnedPortToItsSocket) {
  for (const std::string host : {"192.0.2.1", "[2001:db8::1]"}) {
    const UniqueFd worker = udp_socket(endpoint(host == "192.0.2.1" ? "127.0.0.1:9" : "[::1]:9"), false);
    const UniqueFd peer =
        udp_socket(endpoint(host == "192.0.2.1" ? "192.0.2.2:6000" : "[2001:db8::2]:6000"), true);
    const Endpoint relayed = endpoint(host + ":50000");
    ASSERT_TRUE(steering_->set_socket(1, worker.get()));
    ASSERT_TRUE(steering_->add_port(relayed, PortKind::kRelay, 1, 1));
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
  ASSERT_TRUE(steering_->add_port(endpoint("192.0.2.1:50000"), PortKind::kRelay, 0, 1));
  send(peer, endpoint("192.0.2.1:53"), "to the host");
  EXPECT_EQ(receive(host), "to the host");
}

TEST_F(SteeringTest, ChoosesTheWorkerThatUserspaceExpects) {
  constexpr uint32_t kWorkers = 4;
  std::vector<UniqueFd> workers;
  for (uint32_t slot = 0; slot < kWorkers; ++slot) {
    workers.push_back(udp_socket(endpoint("[::]:" + std::to_string(6001 + slot)), false));
    ASSERT_TRUE(steering_->set_socket(slot, workers[slot].get()));
  }
  for (const std::string net : {"192.0.2.", "[2001:db8::"}) {
    const std::string close = net[0] == '[' ? "]" : "";
    const Endpoint server = endpoint(net + "1" + close + ":3478");
    ASSERT_TRUE(steering_->add_port(server, PortKind::kListening, 0, kWorkers));
    std::set<uint32_t> chosen;
    for (unsigned i = 0; i < 64; ++i) {
      const Endpoint remote =
          endpoint(net + (i % 2 != 0 ? "2" : "3") + close + ":" + std::to_string(7000 + i));
      const uint32_t expected = worker_of(remote, kWorkers);
      const UniqueFd client = udp_socket(remote, true);
      send(client, server, remote.to_string());
      EXPECT_EQ(receive(workers[expected]), remote.to_string());
      chosen.insert(expected);
    }
    EXPECT_EQ(chosen.size(), kWorkers);
  }
}

TEST_F(SteeringTest, TellsTheXdpProgramWhatAPortIs) {
  ASSERT_TRUE(steering_->add_port(endpoint("192.0.2.1:3478"), PortKind::kListening, 0, 2));
  ASSERT_TRUE(steering_->add_port(endpoint("192.0.2.1:50000"), PortKind::kRelay, 1, 1));
  const auto ports = read_all<tp_steer_key, tp_steer>(bpffs_->open_map("steer").get());
  ASSERT_TRUE(ports) << ports.error().message;
  ASSERT_EQ(ports->size(), 2u);
  for (const auto& [key, port] : *ports)
    EXPECT_EQ(port.kind, key.local_port == htons(3478) ? TP_STEER_LISTENING : TP_STEER_RELAY);
}

TEST_F(SteeringTest, RefusesWhatDoesNotFit) {
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  EXPECT_EQ(steering_->set_socket(4, worker.get()).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(steering_->add_port(endpoint("192.0.2.1:50000"), PortKind::kRelay, 3, 2).error().code,
            ErrorCode::kInvalid);
  EXPECT_EQ(steering_->add_port(endpoint("192.0.2.1:50000"), PortKind::kRelay, 0, 0).error().code,
            ErrorCode::kInvalid);
  for (unsigned i = 0; i < 16; ++i)
    EXPECT_TRUE(
        steering_->add_port(endpoint("192.0.2.1:" + std::to_string(50000 + i)), PortKind::kRelay, 0, 1));
  EXPECT_EQ(steering_->add_port(endpoint("192.0.2.1:60000"), PortKind::kRelay, 0, 1).error().code,
            ErrorCode::kExhausted);
}

TEST_F(SteeringTest, DetachesWhenDestroyed) {
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  const UniqueFd peer = udp_socket(endpoint("192.0.2.2:6000"), true);
  ASSERT_TRUE(steering_->set_socket(0, worker.get()));
  ASSERT_TRUE(steering_->add_port(endpoint("192.0.2.1:50000"), PortKind::kRelay, 0, 1));
  steering_.reset();
  send(peer, endpoint("192.0.2.1:50000"), "to nobody");
  EXPECT_TRUE(nothing_comes(worker));
  bpffs_.reset();
  EXPECT_FALSE(std::filesystem::exists("/run/tp"));
}

TEST_F(SteeringTest, SuccessorGoesOnWithLinkAndPorts) {
  const UniqueFd peer = udp_socket(endpoint("192.0.2.2:6000"), true);
  const Endpoint added = endpoint("192.0.2.1:50000"), left = endpoint("192.0.2.1:50001");
  ASSERT_TRUE(steering_->add_port(added, PortKind::kRelay, 0, 1));
  ASSERT_TRUE(steering_->add_port(left, PortKind::kRelay, 0, 1));
  const uint32_t link = link_id();
  leave();
  start();
  EXPECT_EQ(link_id(), link);
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  ASSERT_TRUE(steering_->set_socket(0, worker.get()));
  for (const Endpoint& port : {added, left}) {
    send(peer, port, port.to_string());
    EXPECT_EQ(receive(worker), port.to_string());
  }
  ASSERT_TRUE(steering_->add_port(added, PortKind::kRelay, 0, 1));
  EXPECT_EQ(steering_->finish_takeover(), 1u);
  EXPECT_EQ(steering_->finish_takeover(), 0u);
  send(peer, left, "to nobody");
  EXPECT_TRUE(nothing_comes(worker));
  send(peer, added, "goes on");
  EXPECT_EQ(receive(worker), "goes on");
  stop();
  EXPECT_FALSE(std::filesystem::exists("/run/tp"));
}

TEST_F(SteeringTest, AStartThatFailsLosesNothing) {
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  const UniqueFd peer = udp_socket(endpoint("192.0.2.2:6000"), true);
  ASSERT_TRUE(steering_->set_socket(0, worker.get()));
  ASSERT_TRUE(steering_->add_port(endpoint("192.0.2.1:50000"), PortKind::kRelay, 0, 1));
  leave();
  start();
  steering_.reset();
  bpffs_.reset();
  send(peer, endpoint("192.0.2.1:50000"), "goes on");
  EXPECT_EQ(receive(worker), "goes on");
  start();
}

TEST_F(SteeringTest, GetsMoreSocketsButKeepsItsPorts) {
  ASSERT_TRUE(steering_->add_port(endpoint("192.0.2.1:50000"), PortKind::kRelay, 0, 1));
  leave();
  start(32, 8);
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  const UniqueFd peer = udp_socket(endpoint("192.0.2.2:6000"), true);
  EXPECT_TRUE(steering_->set_socket(7, worker.get()));
  ASSERT_TRUE(steering_->set_socket(0, worker.get()));
  send(peer, endpoint("192.0.2.1:50000"), "goes on");
  EXPECT_EQ(receive(worker), "goes on");
  for (unsigned i = 1; i < 16; ++i)
    EXPECT_TRUE(
        steering_->add_port(endpoint("192.0.2.1:" + std::to_string(50000 + i)), PortKind::kRelay, 0, 1));
  const auto full = steering_->add_port(endpoint("192.0.2.1:60000"), PortKind::kRelay, 0, 1);
  EXPECT_EQ(full.error().code, ErrorCode::kExhausted) << "the size of an earlier process stays";
  EXPECT_EQ(full.error().message.find("192.0.2.1"), std::string::npos)
      << "it is logged: " << full.error().message;
  EXPECT_EQ(steering_->max_ports(), 16U);
}

TEST_F(SteeringTest, AttachesAnewInAnotherNetworkNamespace) {
  const uint32_t link = link_id();
  leave();
  ASSERT_EQ(unshare(CLONE_NEWNET), 0);
  run("ip link set lo up");
  start();
  EXPECT_NE(link_id(), link);
  const UniqueFd worker = udp_socket(endpoint("127.0.0.1:9"), false);
  const UniqueFd client = udp_socket(endpoint("127.0.0.1:6000"), false);
  ASSERT_TRUE(steering_->set_socket(0, worker.get()));
  ASSERT_TRUE(steering_->add_port(endpoint("127.0.0.1:50000"), PortKind::kRelay, 0, 1));
  send(client, endpoint("127.0.0.1:50000"), "here");
  EXPECT_EQ(receive(worker), "here");
}

}  // namespace
}  // namespace turnpike::fastpath
