// SPDX-License-Identifier: Apache-2.0
#include "app/restore.h"
#include "app/worker.h"

#include <gtest/gtest.h>

#include <deque>

#include "unit/app_worker_fixture.h"

namespace turnpike::app::test {
namespace {

Datagram text(std::string_view value) {
  return {value.begin(), value.end()};
}

Datagram data_of(const Datagram& indication) {
  const auto view = stun::MessageView::parse(indication);
  if (!view || view->method() != stun::Method::kData) return {};
  const auto data = view->find(stun::AttributeType::kData);
  return data ? Datagram(data->value.begin(), data->value.end()) : Datagram{};
}

Endpoint relayed_in(const Datagram& answer) {
  const auto view = stun::MessageView::parse(answer);
  const auto value = view ? view->find(stun::AttributeType::kXorRelayedAddress) : std::nullopt;
  if (!value) return {};
  return stun::read_xor_address(value->value, view->transaction_id()).value_or(Endpoint{});
}

// The sockets of eight pairs of clients lie with both workers, now the same and now different ones.
TEST_P(WorkerTest, AReservedPortFollowsWhoRedeemsIt) {
  using stun::AttributeType;
  const auto udp = [](stun::MessageBuilder& builder) {
    builder.add(AttributeType::kRequestedTransport, std::array<uint8_t, 4>{17, 0, 0, 0});
  };
  std::deque<Client> clients;  // kept: a port that came again would have its first client's allocation
  for (int pair = 0; pair < 8; ++pair) {
    Client& first = clients.emplace_back(server_);
    const auto reserving = [&](stun::MessageBuilder& builder) {
      udp(builder);
      builder.add(AttributeType::kEvenPort, std::array<uint8_t, 1>{0x80});
      if (!server_.address.is_v4())
        builder.add(AttributeType::kRequestedAddressFamily, std::array<uint8_t, 4>{2, 0, 0, 0});
    };
    ASSERT_EQ(first.request(stun::Method::kAllocate, reserving), 401U);
    ASSERT_EQ(first.request(stun::Method::kAllocate, reserving), 200U);
    const Datagram answer = first.answer();
    const auto view = stun::MessageView::parse(answer);
    const auto token = view ? view->find(AttributeType::kReservationToken) : std::nullopt;
    ASSERT_TRUE(token);

    Client& second = clients.emplace_back(server_);
    const auto redeeming = [&](stun::MessageBuilder& builder) {
      udp(builder);
      builder.add(AttributeType::kReservationToken, token->value);
    };
    ASSERT_EQ(second.request(stun::Method::kAllocate, redeeming), 401U);
    ASSERT_EQ(second.request(stun::Method::kAllocate, redeeming), 200U);
    const Endpoint relayed = relayed_in(second.answer());
    EXPECT_EQ(relayed.port, relayed_in(answer).port + 1);
    Socket peer(peer_);
    ASSERT_EQ(second.permit(peer.local()), 200U);
    peer.send(relayed, text("pong"));
    EXPECT_EQ(data_of(second.socket().receive()), text("pong"));
    EXPECT_EQ(
        second.request(stun::Method::kRefresh,
                       [](stun::MessageBuilder& builder) { builder.add_u32(AttributeType::kLifetime, 0); }),
        200U);
    EXPECT_FALSE(ports_->owned(relayed));
  }
}

TEST_P(WorkerTest, RelaysIndicationsBothWays) {
  Client client(server_);
  Socket peer(peer_);
  const Endpoint relayed = client.allocate();
  ASSERT_TRUE(ports_->owned(relayed)) << relayed.to_string();
  ASSERT_EQ(client.permit(peer.local()), 200U);
  client.send_indication(peer.local(), text("ping"));
  Endpoint from;
  EXPECT_EQ(peer.receive(&from), text("ping"));
  EXPECT_EQ(from, relayed);
  peer.send(relayed, text("pong"));
  EXPECT_EQ(data_of(client.socket().receive()), text("pong"));
}

TEST_P(WorkerTest, RelaysChannelDataBothWays) {
  Client client(server_);
  Socket peer(peer_);
  const Endpoint relayed = client.allocate();
  ASSERT_EQ(client.bind(0x4001, peer.local()), 200U);
  EXPECT_EQ(fast_path_.installed, 1) << "the binding is in the kernel before the answer leaves";
  client.send_channel_data(0x4001, text("odd"));
  EXPECT_EQ(peer.receive(), text("odd"));
  peer.send(relayed, text("reply"));
  EXPECT_EQ(client.socket().receive(), text(std::string_view("\x40\x01\x00\x05reply", 9)));
}

TEST_P(WorkerTest, RelaysTheLargestDatagramsThereAre) {
  Client client(server_);
  Socket peer(peer_);
  const Endpoint relayed = client.allocate();
  ASSERT_EQ(client.bind(0x4001, peer.local()), 200U);
  const Datagram data(65503, 0xa5);  // 65507 with the ChannelData header
  client.send_channel_data(0x4001, data);
  EXPECT_EQ(peer.receive(), data);
  peer.send(relayed, data);
  EXPECT_EQ(client.socket().receive().size(), data.size() + 4);
}

TEST_P(WorkerTest, TwoClientsReachEachOtherThroughTheirRelayedAddresses) {
  Client alice(server_);
  Client bob(server_);
  const Endpoint alice_relayed = alice.allocate();
  const Endpoint bob_relayed = bob.allocate();
  ASSERT_EQ(alice.bind(0x4001, bob_relayed), 200U);
  ASSERT_EQ(bob.bind(0x4002, alice_relayed), 200U);
  alice.send_channel_data(0x4001, text("hi"));
  EXPECT_EQ(bob.socket().receive(), text(std::string_view("\x40\x02\x00\x02hi", 6)));
  bob.send_channel_data(0x4002, text("ho"));
  EXPECT_EQ(alice.socket().receive(), text(std::string_view("\x40\x01\x00\x02ho", 6)));
}

TEST_P(WorkerTest, ARefusalOfTheFastPathLeavesTheFlowToTheSlowPath) {
  fast_path_.refuses = true;
  Client client(server_);
  Socket peer(peer_);
  client.allocate();
  ASSERT_EQ(client.bind(0x4001, peer.local()), 200U);
  client.send_channel_data(0x4001, text("still"));
  EXPECT_EQ(peer.receive(), text("still"));
  uint64_t refused = 0;
  for (const auto& worker : workers_)
    refused += worker->counters().fast_refused;
  EXPECT_EQ(refused, 1U);
}

TEST_P(WorkerTest, ClientsSpreadOverWorkersAndStay) {
  constexpr size_t kClients = 24;
  std::vector<std::unique_ptr<Client>> clients;
  Socket peer(peer_);
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Client>(server_));
    // Had a later request met another worker, that one would know no allocation (437).
    ASSERT_TRUE(ports_->owned(clients.back()->allocate()));
    ASSERT_EQ(clients.back()->permit(peer.local()), 200U);
  }
  size_t total = 0;
  uint64_t datagrams = 0;
  for (const auto& worker : workers_) {
    size_t own = 0;
    ASSERT_TRUE(worker->run_on([&](turn::Server& server) { own = server.allocation_count(); }));
    EXPECT_GT(own, 0U);
    total += own;
    const WorkerCounters counters = worker->counters();
    datagrams += counters.client_datagrams;
    EXPECT_EQ(counters.steer_failed, 0U);
    EXPECT_EQ(counters.send_failed, 0U);
  }
  EXPECT_EQ(total, kClients);
  EXPECT_EQ(datagrams, kClients * 3);
}

TEST_P(WorkerTest, SessionsOfAnEarlierProcessGoOnWhateverTheNumberOfWorkers) {
  constexpr size_t kClients = 8;
  Socket peer(peer_);
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Endpoint> relayed;
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Client>(server_));
    relayed.push_back(clients.back()->allocate());
    ASSERT_EQ(clients.back()->bind(0x4001, peer.local()), 200U);
    clients.back()->send_channel_data(0x4001, text("before"));
    ASSERT_EQ(peer.receive(), text("before"));
  }
  ASSERT_NO_FATAL_FAILURE(end_process());
  ASSERT_NO_FATAL_FAILURE(make_workers(kWorkers + 1));
  const auto restored = restore_sessions(*store_, {server_}, workers_);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->sessions, kClients);
  EXPECT_EQ(restored->channels, kClients);
  EXPECT_EQ(restored->dropped, 0U);
  steering_->finish_takeover();
  start_workers();

  RelayCounters total;
  for (const auto& worker : workers_) {
    ASSERT_TRUE(worker->run_on([&](turn::Server& server) {
      total.to_peer_packets += server.counters().to_peer_packets;
      total.to_peer_bytes += server.counters().to_peer_bytes;
    }));
  }
  EXPECT_EQ(total.to_peer_packets, kClients);
  EXPECT_EQ(total.to_peer_bytes, kClients * 6);
  for (size_t i = 0; i < kClients; ++i) {
    Client& client = *clients[i];
    client.send_channel_data(0x4001, text("after"));
    Endpoint from;
    EXPECT_EQ(peer.receive(&from), text("after"));
    EXPECT_EQ(from, relayed[i]);
    EXPECT_EQ(client.request(stun::Method::kRefresh, [](stun::MessageBuilder&) {}), 200U);
    EXPECT_EQ(client.permit(peer.local()), 200U);
    EXPECT_EQ(client.bind(0x4001, peer.local()), 200U);
    peer.send(relayed[i], text("pong"));
    EXPECT_EQ(client.socket().receive(), text(std::string_view("\x40\x01\x00\x04pong", 8)));
  }
}

TEST_P(WorkerTest, ASessionWhoseListeningAddressIsGoneIsForgotten) {
  Client client(server_);
  client.allocate();
  ASSERT_NO_FATAL_FAILURE(end_process());
  ASSERT_NO_FATAL_FAILURE(make_workers(kWorkers));
  const auto restored = restore_sessions(*store_, {{peer_, 3478}}, workers_);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->sessions, 0U);
  EXPECT_EQ(restored->dropped, 1U);
  EXPECT_TRUE(store_->load().value().empty());
}

TEST_P(WorkerTest, AnIcmpErrorReachesTheClientOfTheDatagram) {
  Client client(server_);
  Socket peer(peer_);
  const Endpoint relayed = client.allocate();
  ASSERT_EQ(client.permit(peer.local()), 200U);
  net::IcmpNotice notice;
  notice.source = relayed;
  notice.destination = peer.local();
  notice.type = server_.address.is_v4() ? 3 : 1;
  notice.code = 1;
  const auto report = std::make_shared<const IcmpReport>(notice);
  for (const auto& worker : workers_)
    worker->hear_icmp(report);
  const Datagram indication = client.socket().receive();
  const auto view = stun::MessageView::parse(indication);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->method(), stun::Method::kData);
  EXPECT_FALSE(view->find(stun::AttributeType::kData));
  EXPECT_TRUE(view->find(stun::AttributeType::kIcmp));
}

TEST_P(WorkerTest, AfterStopNothingRuns) {
  for (const auto& worker : workers_)
    worker->stop();
  EXPECT_FALSE(workers_.front()->run_on([](turn::Server&) { ADD_FAILURE() << "ran"; }));
  EXPECT_EQ(workers_.front()->counters().client_datagrams, 0U);
}

INSTANTIATE_TEST_SUITE_P(Families, WorkerTest,
                         testing::Values(IpAddress::v4(127, 0, 0, 1), IpAddress::parse("::1").value()),
                         [](const auto& row) { return row.param.is_v4() ? "Ipv4" : "Ipv6"; });

}  // namespace
}  // namespace turnpike::app::test
