// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "net/burst_sockets.h"
#include "net/path_mtu.h"
#include "net/raw_egress.h"
#include "net/receive_batch.h"
#include "net/socket_address.h"
#include "net/socket_option.h"
#include "net/udp_socket.h"
#include "unit/netns_fixture.h"

namespace turnpike::net {
namespace {

constexpr IpAddress kHere4 = IpAddress::v4(127, 0, 0, 1);
constexpr IpAddress kOther4 = IpAddress::v4(127, 0, 0, 2);
constexpr IpAddress kHere6 = IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

bool wait_readable(int socket, int milliseconds = 2000) {
  pollfd poll_fd{socket, POLLIN, 0};
  return poll(&poll_fd, 1, milliseconds) == 1;
}

Endpoint bound_to(int socket) {
  SocketAddress address{};
  address.length = sizeof address.v6;
  EXPECT_EQ(getsockname(socket, &address.generic, &address.length), 0);
  return address.generic.sa_family == AF_INET ? to_endpoint(address.v4) : to_endpoint(address.v6);
}

std::vector<uint8_t> pattern(size_t size) {
  std::vector<uint8_t> data(size);
  for (size_t i = 0; i < size; ++i)
    data[i] = static_cast<uint8_t>(i * 7 + i / 251);
  return data;
}

void run(const char* command) {
  ASSERT_EQ(std::system(command), 0) << command;
}

// A listening socket as it is once the relay serves.
UniqueFd listen_at(const Endpoint& local) {
  auto socket = open_listening_socket(local);
  EXPECT_TRUE(socket && accept_input(socket->get())) << local.to_string();
  return socket ? std::move(*socket) : UniqueFd();
}

class Sockets : public test::InOwnNetwork {};

TEST_F(Sockets, EveryWorkerMayBindAListeningPort) {
  const Endpoint local{kHere4, 3478};
  ASSERT_TRUE(check_port_free(local));
  const auto first = open_listening_socket(local);
  const auto second = open_listening_socket(local);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(second) << second.error().message;
}

TEST_F(Sockets, APortInUseIsRefusedByName) {
  const Endpoint local{kHere6, 3478};
  const auto other = open_listening_socket(local);
  ASSERT_TRUE(other);
  const auto free = check_port_free(local);
  ASSERT_FALSE(free);
  EXPECT_EQ(free.error().code, ErrorCode::kInUse);
  EXPECT_NE(free.error().message.find("[::1]:3478"), std::string::npos) << free.error().message;
  EXPECT_TRUE(check_port_free({kHere6, 3479}));
}

TEST_F(Sockets, AForeignAddressIsRefusedByName) {
  const auto free = check_port_free({IpAddress::v4(192, 0, 2, 77), 3478});
  ASSERT_FALSE(free);
  EXPECT_EQ(free.error().code, ErrorCode::kInvalid);
  EXPECT_NE(free.error().message.find("192.0.2.77"), std::string::npos);
}

class RawEgressTest : public Sockets, public testing::WithParamInterface<IpAddress> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(Sockets::SetUp());
    auto egress = RawEgress::create();
    ASSERT_TRUE(egress) << egress.error().message;
    egress_ = std::move(*egress);
    socket_ = listen_at({GetParam(), 4000});
    ASSERT_TRUE(socket_);
  }
  Endpoint here() const { return {GetParam(), 4000}; }
  // Sends `data` in pieces of those sizes, and expects them as they were sent.
  void expect_passage(const Endpoint& source, const IpFields& ip, Bytes data,
                      const std::vector<size_t>& sizes) {
    std::vector<std::vector<uint8_t>> sent, received;
    for (size_t i = 0, offset = 0; i < sizes.size(); offset += sizes[i++]) {
      const Bytes piece = data.subspan(offset, sizes[i]);
      egress_->send(source, here(), ip, piece);
      sent.emplace_back(piece.begin(), piece.end());
    }
    egress_->flush();
    while (wait_readable(socket_.get(), received.size() < sent.size() ? 2000 : 50)) {
      const size_t count = batch_.receive(socket_.get());
      ASSERT_GT(count, 0U);
      for (size_t i = 0; i < count; ++i) {
        const ReceivedDatagram& got = batch_[i];
        EXPECT_EQ(got.remote, source);
        EXPECT_EQ(got.ip.ttl, ip.ttl);
        EXPECT_EQ(got.ip.traffic_class, ip.traffic_class);
        received.emplace_back(got.data.begin(), got.data.end());
      }
    }
    EXPECT_EQ(received, sent);
    EXPECT_EQ(egress_->failed(), 0U);
  }

  std::unique_ptr<RawEgress> egress_;
  UniqueFd socket_;
  ReceiveBatch batch_;
};

TEST_P(RawEgressTest, SendsFromAnyPortWithTtlAndTrafficClass) {
  const Endpoint source{GetParam(), 50123};
  const auto data = pattern(161);
  egress_->send(source, here(), {.ttl = 33, .traffic_class = 0xb9, .dont_fragment = false}, data);
  egress_->send(source, here(), {.ttl = 64, .traffic_class = 0, .dont_fragment = true}, {});
  egress_->flush();
  ASSERT_TRUE(wait_readable(socket_.get()));
  ASSERT_EQ(batch_.receive(socket_.get()), 2U);
  // The two IPv4 datagrams come from two sockets: their order is the order of the sockets' flush.
  const auto first = batch_[0];
  EXPECT_EQ(first.remote, source);
  EXPECT_EQ(std::vector<uint8_t>(first.data.begin(), first.data.end()), data);
  EXPECT_EQ(first.ip.ttl, 33);
  EXPECT_EQ(first.ip.traffic_class, 0xb9);
  const auto second = batch_[1];
  EXPECT_TRUE(second.data.empty());
  EXPECT_EQ(second.ip, IpFields{});
  EXPECT_EQ(egress_->failed(), 0U);
}

TEST_P(RawEgressTest, EverySizeArrivesWithARightChecksum) {
  for (const size_t size : {1, 2, 3, 4, 5, 1200, 1471, 1472, 1473, 9000, 40001, 65507}) {
    const auto data = pattern(size);
    egress_->send({GetParam(), 50000}, here(), {}, data);
    egress_->flush();
    ASSERT_TRUE(wait_readable(socket_.get())) << size;
    ASSERT_EQ(batch_.receive(socket_.get()), 1U);
    const Bytes got = batch_[0].data;
    EXPECT_EQ(std::vector<uint8_t>(got.begin(), got.end()), data) << size;
  }
  EXPECT_EQ(egress_->failed(), 0U);
}

TEST_P(RawEgressTest, LargeDatagramsAreFragmentedUnlessForbidden) {
  run("ip link set dev lo mtu 1500");
  const auto data = pattern(4000);
  egress_->send({GetParam(), 50000}, here(), {}, data);
  egress_->flush();
  ASSERT_TRUE(wait_readable(socket_.get()));
  ASSERT_EQ(batch_.receive(socket_.get()), 1U);
  EXPECT_EQ(batch_[0].data.size(), 4000U);
  EXPECT_EQ(egress_->failed(), 0U);
  egress_->send({GetParam(), 50000}, here(), {.ttl = 64, .traffic_class = 0, .dont_fragment = true}, data);
  egress_->flush();
  EXPECT_FALSE(wait_readable(socket_.get(), 50));
  EXPECT_EQ(egress_->failed(), 1U);
  const auto too_big = egress_->take_too_big();
  ASSERT_EQ(too_big.size(), 1U);
  EXPECT_EQ(too_big[0].source, (Endpoint{GetParam(), 50000}));
  EXPECT_EQ(too_big[0].destination.address, here().address);
  EXPECT_EQ(too_big[0].destination.port, here().port);
  EXPECT_EQ(too_big[0].data.size(), 4000U);
  EXPECT_TRUE(egress_->take_too_big().empty());
  EXPECT_EQ(path_mtu(GetParam(), GetParam()).value_or(0), 1500U);
}

TEST_F(Sockets, AListeningSocketIsDeafUntilItMayListen) {
  const auto socket = open_listening_socket({kHere4, 4000});
  ASSERT_TRUE(socket);
  auto egress = RawEgress::create();
  ASSERT_TRUE(egress);
  const auto data = pattern(10);
  (*egress)->send({kOther4, 700}, {kHere4, 4000}, {}, data);
  (*egress)->flush();
  EXPECT_FALSE(wait_readable(socket->get(), 50));
  ASSERT_TRUE(accept_input(socket->get()));
  (*egress)->send({kOther4, 700}, {kHere4, 4000}, {}, data);
  (*egress)->flush();
  EXPECT_TRUE(wait_readable(socket->get()));
}

TEST_P(RawEgressTest, OneRefusedDatagramDoesNotTakeTheOthersAlong) {
  const auto data = pattern(10);
  const Endpoint nowhere{
      GetParam().is_v4() ? IpAddress::v4(203, 0, 113, 1) : IpAddress::parse("2001:db8:77::1").value(), 9};
  for (int i = 0; i < 100; ++i)
    egress_->send({GetParam(), 50000}, i % 10 == 0 ? nowhere : here(), {}, data);
  egress_->flush();
  size_t received = 0;
  while (wait_readable(socket_.get(), 50))
    received += batch_.receive(socket_.get());
  EXPECT_EQ(received, 90U);
  EXPECT_EQ(egress_->failed(), 10U);
}

TEST_P(RawEgressTest, RunsArriveAsTheyWereSent) {
  const auto data = pattern(200'000);
  const Endpoint source{GetParam(), 50123};
  const IpFields ip{.ttl = 33, .traffic_class = 0xb9, .dont_fragment = false};
  std::vector<size_t> sizes = {7, 8, 8};                  // short runs, on the raw socket
  sizes.insert(sizes.end(), 200, 160);                    // more than one message carries
  sizes.insert(sizes.end(), {100, 160, 160, 161, 0, 1});  // ends the run; nothing that could go on
  sizes.insert(sizes.end(), 50, 1200);
  expect_passage(source, ip, data, sizes);
  std::ifstream table(GetParam().is_v4() ? "/proc/self/net/udp" : "/proc/self/net/udp6");
  const std::string sockets((std::istreambuf_iterator<char>(table)), {});
  EXPECT_NE(sockets.find(":C3CB "), std::string::npos) << "the run was to leave by a socket of its port";
  EXPECT_FALSE(check_port_free(source));
  egress_->release(source);
  EXPECT_TRUE(check_port_free(source));
  expect_passage(source, ip, data, sizes);
}

TEST_P(RawEgressTest, RunsAboveTheMtuArriveInFragments) {
  run("ip link set dev lo mtu 1500");
  const auto data = pattern(100'000);
  expect_passage({GetParam(), 50123}, {}, data, std::vector<size_t>(20, 2000));
  expect_passage({GetParam(), 50123}, {}, data, std::vector<size_t>(20, 1400));
}

TEST_P(RawEgressTest, RunsFromAPortOfAnotherProcessArriveToo) {
  const UniqueFd other(::socket(GetParam().is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Endpoint source{GetParam(), 50123};
  const SocketAddress address = to_socket_address(source);
  ASSERT_EQ(bind(other.get(), &address.generic, address.length), 0);
  const auto data = pattern(100'000);
  expect_passage(source, {}, data, std::vector<size_t>(40, 160));
}

TEST_P(RawEgressTest, TooLongDatagramsAreCounted) {
  const auto data = pattern(65536);
  egress_->send({GetParam(), 50000}, here(), {}, data);
  egress_->flush();
  EXPECT_EQ(egress_->failed(), 1U);
}

TEST_P(RawEgressTest, QueuesNothingForItself) {
  run("ip addr add 192.0.0.8/32 dev lo");
  run("ip addr add 100::1/128 dev lo nodad");
  const IpAddress target = GetParam().is_v4() ? kNowhereIpv4 : kNowhereIpv6;
  const auto data = pattern(100);
  egress_->send({GetParam(), 50000}, {target, 4000}, {}, data);
  egress_->flush();
  std::ifstream table(GetParam().is_v4() ? "/proc/self/net/raw" : "/proc/self/net/raw6");
  std::string line;
  ASSERT_TRUE(std::getline(table, line));
  int sockets = 0;
  while (std::getline(table, line)) {
    ++sockets;
    EXPECT_NE(line.find(":00000000 00:"), std::string::npos) << "bytes queued: " << line;
  }
  EXPECT_GT(sockets, 0);
}

INSTANTIATE_TEST_SUITE_P(Families, RawEgressTest, testing::Values(kHere4, kHere6),
                         [](const auto& row) { return row.param.is_v4() ? "Ipv4" : "Ipv6"; });

TEST_F(Sockets, RelaySocketTellsTheOriginalDestinationOfMappedIpv4) {
  run("ip addr add 192.0.0.8/32 dev lo");
  const auto relay = open_relay_socket();
  ASSERT_TRUE(relay) << relay.error().message;
  const Endpoint local = bound_to(relay->get());
  EXPECT_EQ(local.address, kNowhereIpv4);
  auto egress = RawEgress::create();
  ASSERT_TRUE(egress);
  const auto data = pattern(20);
  (*egress)->send({kOther4, 700}, local, {.ttl = 9, .traffic_class = 0x28, .dont_fragment = false}, data);
  (*egress)->flush();
  ASSERT_TRUE(wait_readable(relay->get()));
  ReceiveBatch batch;
  ASSERT_EQ(batch.receive(relay->get()), 1U);
  EXPECT_EQ(batch[0].local, local);
  EXPECT_EQ(batch[0].remote, (Endpoint{kOther4, 700}));
  EXPECT_EQ(batch[0].ip, (IpFields{9, 0x28, false}));
}

TEST_F(Sockets, RelaySocketsReceiveNothingUnsteered) {
  const auto relay = open_relay_socket();
  ASSERT_TRUE(relay);
  auto egress = RawEgress::create();
  ASSERT_TRUE(egress);
  const auto data = pattern(20);
  (*egress)->send({kHere4, 700}, {kHere4, bound_to(relay->get()).port}, {}, data);
  (*egress)->flush();
  EXPECT_FALSE(wait_readable(relay->get(), 50));
}

TEST_F(Sockets, ThoseForBurstsStayThatWereAskedForLast) {
  BurstSockets sockets;
  const auto source = [](size_t i) { return Endpoint{kHere4, static_cast<uint16_t>(20'000 + i)}; };
  EXPECT_EQ(sockets.find(source(0), BurstSockets::kPays - 1), -1);
  EXPECT_GE(sockets.find(source(0), BurstSockets::kPays), 0);
  EXPECT_GE(sockets.find(source(0), 1), 0) << "it is there now";
  for (size_t i = 1; i < BurstSockets::kMost; ++i)
    ASSERT_GE(sockets.find(source(i), BurstSockets::kPays), 0) << i;
  EXPECT_GE(sockets.find(source(0), 1), 0);
  EXPECT_GE(sockets.find(source(BurstSockets::kMost), BurstSockets::kPays), 0);
  EXPECT_EQ(sockets.find(source(1), 1), -1) << "the one that was quiet the longest has gone";
  EXPECT_GE(sockets.find(source(0), 1), 0);
  sockets.close(source(0));
  EXPECT_EQ(sockets.find(source(0), 1), -1);
}

TEST_F(Sockets, AnswersInARowArriveAsTheyWereSent) {
  const UniqueFd listening = listen_at({kOther4, 3478});
  const UniqueFd client = listen_at({kHere4, 4000});
  SendBatch answers(listening.get());
  const auto data = pattern(16'000);
  const auto at = [&](size_t i) { return Bytes(data).subspan(i * 160, i % 10 == 9 ? 80 : 160); };
  for (size_t i = 0; i < 100; ++i)
    answers.add({{kHere4, 4000}, nullptr, {}, at(i), {}});
  answers.flush();
  ReceiveBatch batch;
  size_t received = 0;
  while (wait_readable(client.get(), 50)) {
    const size_t count = batch.receive(client.get());
    for (size_t i = 0; i < count; ++i, ++received)
      EXPECT_TRUE(std::ranges::equal(batch[i].data, at(received))) << received;
  }
  EXPECT_EQ(received, 100U);
  EXPECT_EQ(answers.failed(), 0U);
}

TEST_F(Sockets, AnswersOfAListeningSocketComeFromItsPort) {
  const UniqueFd listening = listen_at({kOther4, 3478});
  const UniqueFd client = listen_at({kHere4, 4000});
  SendBatch answers(listening.get());
  const auto data = pattern(200);
  for (int i = 0; i < 100; ++i)
    answers.add({{kHere4, 4000}, nullptr, {}, data, {.ttl = 12, .traffic_class = 0, .dont_fragment = false}});
  answers.flush();
  ReceiveBatch batch;
  size_t received = 0;
  while (wait_readable(client.get(), 50)) {
    const size_t count = batch.receive(client.get());
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(batch[i].remote, (Endpoint{kOther4, 3478}));
      EXPECT_EQ(batch[i].ip.ttl, 12);
    }
    received += count;
  }
  EXPECT_EQ(received, 100U);
}

TEST(UdpChecksum, IsThatOfRfc768) {
  // 192.0.2.1:1 -> 192.0.2.2:2, "abc": summed by hand.
  const std::vector<uint8_t> header = {0, 1, 0, 2, 0, 11, 0, 0};
  const std::vector<uint8_t> data = {'a', 'b', 'c'};

  uint32_t sum = 0xc000 + 0x0201 + 0xc000 + 0x0202 + 17 + 11 + 1 + 2 + 11 + 0x6162 + 0x6300;
  sum = (sum & 0xffff) + (sum >> 16);
  EXPECT_EQ(udp_checksum(IpAddress::v4(192, 0, 2, 1), IpAddress::v4(192, 0, 2, 2), header, data),
            static_cast<uint16_t>(~sum));
}

TEST(UdpChecksum, ZeroIsSentAsOnes) {
  std::vector<uint8_t> header = {0, 0, 0, 0, 0, 10, 0, 0};
  // With data equal to the complement of the rest the sum is 0xffff and the checksum would be 0.
  const uint32_t rest = 17 + 10 + 10;
  const std::vector<uint8_t> data = {static_cast<uint8_t>((0xffff - rest) >> 8),
                                     static_cast<uint8_t>(0xffff - rest)};
  const IpAddress zero = IpAddress::v4(0, 0, 0, 0);
  EXPECT_EQ(udp_checksum(zero, zero, header, data), 0xffff);
}

}  // namespace
}  // namespace turnpike::net
