// SPDX-License-Identifier: Apache-2.0
//
// Workers with real sockets and steering on the loopback of a network namespace, and a client and a peer that
// speak to them. User "user" with password "pass" in realm "test".
#pragma once

#include <sys/mount.h>
#include <sys/time.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/socket_slots.h"
#include "app/worker.h"
#include "auth/relay_authenticator.h"
#include "fastpath/bpffs.h"
#include "fastpath/session_store.h"
#include "guard/peer_policy.h"
#include "guard/quota.h"
#include "net/socket_address.h"
#include "stun/message.h"
#include "unit/idle_fast_path.h"
#include "unit/netns_fixture.h"

namespace turnpike::app::test {

using Datagram = std::vector<uint8_t>;

// Counts, and refuses when told to.
class CountingFastPath final : public IdleFastPath {
 public:
  std::atomic<int> installed{0};
  std::atomic<bool> refuses{false};

  Result<void> install(const Binding&) override {
    if (refuses) return fail(ErrorCode::kExhausted, "full");
    ++installed;
    return {};
  }
};

// A blocking UDP socket that gives up after two seconds.
class Socket {
 public:
  explicit Socket(const IpAddress& address)
      : socket_(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{2, 0};
    EXPECT_EQ(setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    const auto local = net::to_socket_address({address, 0});
    EXPECT_EQ(::bind(socket_.get(), &local.generic, local.length), 0);
    net::SocketAddress bound{};
    bound.length = sizeof bound.v6;
    EXPECT_EQ(getsockname(socket_.get(), &bound.generic, &bound.length), 0);
    local_ = address.is_v4() ? net::to_endpoint(bound.v4) : net::to_endpoint(bound.v6);
  }

  const Endpoint& local() const { return local_; }
  void send(const Endpoint& to, Bytes data) {
    const auto address = net::to_socket_address(to);
    EXPECT_EQ(sendto(socket_.get(), data.data(), data.size(), 0, &address.generic, address.length),
              static_cast<ssize_t>(data.size()));
  }
  // Empty when nothing came in time.
  Datagram receive(Endpoint* from = nullptr) {
    Datagram data(65536);
    net::SocketAddress address{};
    address.length = sizeof address.v6;
    const ssize_t size =
        recvfrom(socket_.get(), data.data(), data.size(), 0, &address.generic, &address.length);
    data.resize(size < 0 ? 0 : static_cast<size_t>(size));
    if (from != nullptr && size >= 0)
      *from =
          address.generic.sa_family == AF_INET ? net::to_endpoint(address.v4) : net::to_endpoint(address.v6);
    return data;
  }

 private:
  UniqueFd socket_;
  Endpoint local_;
};

// A TURN client with one allocation.
class Client {
 public:
  using Fill = std::function<void(stun::MessageBuilder&)>;

  explicit Client(const Endpoint& server) : server_(server), socket_(server.address) {}

  Socket& socket() { return socket_; }
  const Endpoint& server() const { return server_; }
  const Datagram& answer() const { return answer_; }

  // 0 when no answer came; the answer stays in answer().
  unsigned request(stun::Method method, const Fill& fill) {
    stun::MessageBuilder builder(buffer_, method, stun::Class::kRequest, next_id());
    fill(builder);
    if (!nonce_.empty()) {
      builder.add_text(stun::AttributeType::kUsername, "user");
      builder.add_text(stun::AttributeType::kRealm, "test");
      builder.add_text(stun::AttributeType::kNonce, nonce_);
      builder.add_integrity(stun::long_term_key("user", "test", "pass"));
    }
    socket_.send(server_, builder.finish());
    answer_ = socket_.receive();
    const auto view = stun::MessageView::parse(answer_);
    if (!view) return 0;
    if (view->message_class() == stun::Class::kSuccess) return 200;
    if (const auto nonce = view->find(stun::AttributeType::kNonce))
      nonce_ = std::string(stun::as_text(nonce->value));
    const auto error = view->find(stun::AttributeType::kErrorCode);
    const auto code = error ? stun::read_error_code(error->value) : std::nullopt;
    return code ? code->code : 0;
  }

  // The relayed address, or a zero endpoint.
  Endpoint allocate() {
    const auto fill = [this](stun::MessageBuilder& builder) {
      const std::array<uint8_t, 4> udp = {17, 0, 0, 0};
      builder.add(stun::AttributeType::kRequestedTransport, udp);
      const std::array<uint8_t, 4> ipv6 = {2, 0, 0, 0};
      if (!server_.address.is_v4()) builder.add(stun::AttributeType::kRequestedAddressFamily, ipv6);
    };
    EXPECT_EQ(request(stun::Method::kAllocate, fill), 401U);
    EXPECT_EQ(request(stun::Method::kAllocate, fill), 200U);
    const auto view = stun::MessageView::parse(answer_);
    const auto relayed = view ? view->find(stun::AttributeType::kXorRelayedAddress) : std::nullopt;
    if (!relayed) return {};
    return stun::read_xor_address(relayed->value, view->transaction_id()).value_or(Endpoint{});
  }

  unsigned permit(const Endpoint& peer) {
    return request(stun::Method::kCreatePermission, [&](stun::MessageBuilder& builder) {
      builder.add_xor_address(stun::AttributeType::kXorPeerAddress, peer);
    });
  }
  unsigned bind(uint16_t channel, const Endpoint& peer) {
    return request(stun::Method::kChannelBind, [&](stun::MessageBuilder& builder) {
      builder.add_channel_number(channel);
      builder.add_xor_address(stun::AttributeType::kXorPeerAddress, peer);
    });
  }
  void send_indication(const Endpoint& peer, Bytes data) {
    stun::MessageBuilder builder(buffer_, stun::Method::kSend, stun::Class::kIndication, next_id());
    builder.add_xor_address(stun::AttributeType::kXorPeerAddress, peer);
    builder.add(stun::AttributeType::kData, data);
    socket_.send(server_, builder.finish());
  }
  void send_channel_data(uint16_t channel, Bytes data) {
    Writer writer(buffer_);
    writer.u16(channel);
    writer.u16(static_cast<uint16_t>(data.size()));
    writer.put(data);
    socket_.send(server_, writer.written());
  }

 private:
  stun::TransactionId next_id() {
    stun::TransactionId id{};
    id[0] = ++transactions_;
    return id;
  }

  Endpoint server_;
  Socket socket_;
  std::string nonce_;
  Datagram answer_;
  std::array<uint8_t, 65536> buffer_{};
  uint8_t transactions_ = 0;
};

class WorkerTest : public turnpike::test::InOwnNetwork, public testing::WithParamInterface<IpAddress> {
 protected:
  static constexpr unsigned kWorkers = 2;

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(InOwnNetwork::SetUp());
    ASSERT_NO_FATAL_FAILURE(add_ipv6_address("2001:db8::2"));
    policy_ = std::make_unique<guard::RelayPeerPolicy>(guard::PeerRules{
        {Prefix(peer_, peer_.is_v4() ? 32 : 128)}, {}, {GetParam(), peer_}, {server_}, {relay_}, range_});
    // The mount ends with the test.
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    std::string name = testing::TempDir() + "turnpike-worker-XXXXXX";
    directory_ = mkdtemp(name.data());
    ASSERT_NO_FATAL_FAILURE(open_pins());
    ASSERT_NO_FATAL_FAILURE(make_workers(kWorkers));
    start_workers();
  }

  void TearDown() override {
    workers_.clear();
    steering_.reset();
    store_.reset();
    if (pins_) pins_->keep(false);
    pins_.reset();
    std::filesystem::remove_all(directory_);
  }

  void open_pins() {
    auto pins = fastpath::Bpffs::open(directory_ + "/bpf");
    ASSERT_TRUE(pins) << pins.error().message;
    pins_.emplace(std::move(*pins));
    auto store = fastpath::SessionStore::open(*pins_, {64, 64, 64});
    ASSERT_TRUE(store) << store.error().message;
    store_.emplace(std::move(*store));
    auto steering = fastpath::Steering::create({.max_ports = 2048, .max_sockets = 64}, *pins_);
    ASSERT_TRUE(steering) << steering.error().message;
    steering_ = std::move(*steering);
  }

  void make_workers(unsigned count) {
    ports_ = std::make_unique<turn::RelayPorts>(std::vector{GetParam()}, range_);
    const SocketSlots slots{count, 1};
    for (unsigned index = 0; index < count; ++index) {
      Worker::Options options;
      options.listening = {server_};
      options.turn.realm = "test";
      options.turn.relay_addresses = {relay_};
      options.turn.worker = index;
      options.turn.workers = count;
      auto worker = Worker::create(options, {authenticator_, *policy_, quota_, *ports_, reservations_,
                                             fast_path_, *steering_, *store_, nullptr, nullptr});
      ASSERT_TRUE(worker) << worker.error().message;
      workers_.push_back(std::move(*worker));
    }
    ASSERT_TRUE(steering_->add_port(server_, fastpath::PortKind::kListening, slots.listening(0, 0), count));
    for (const auto& worker : workers_)
      ASSERT_TRUE(worker->accept_clients());
  }

  void start_workers() {
    for (const auto& worker : workers_)
      worker->start();
  }

  // As if the process had been killed and another one started: what is in the kernel is all that is known.
  void end_process() {
    workers_.clear();
    steering_->keep();
    steering_.reset();
    store_.reset();
    pins_->keep(true);
    pins_.reset();
    ASSERT_NO_FATAL_FAILURE(open_pins());
    ASSERT_TRUE(pins_->found());
  }

  const turn::PortRange range_{50000, 50999};
  const turn::RelayAddress relay_{GetParam(), GetParam()};
  const Endpoint server_{GetParam(), 3478};
  // Not the relay's own address: there only relayed ports may be peers.
  const IpAddress peer_ =
      GetParam().is_v4() ? IpAddress::v4(127, 0, 0, 2) : IpAddress::parse("2001:db8::2").value();
  auth::RelayAuthenticator authenticator_{
      "test", auth::StaticUsers(std::map<std::string, std::string>{{"user", "pass"}}), auth::RestSecrets(),
      auth::NonceMinter({}, Seconds(600))};
  std::unique_ptr<guard::RelayPeerPolicy> policy_;
  guard::SharedQuota quota_{{}};
  std::unique_ptr<turn::RelayPorts> ports_;
  turn::Reservations reservations_;
  CountingFastPath fast_path_;
  std::string directory_;
  std::optional<fastpath::Bpffs> pins_;
  std::optional<fastpath::SessionStore> store_;
  std::unique_ptr<fastpath::Steering> steering_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace turnpike::app::test
