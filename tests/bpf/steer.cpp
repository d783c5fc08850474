// SPDX-License-Identifier: Apache-2.0
//
// The sk_lookup program with real sockets on the loopback of a network namespace of the test's own.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "steer.skel.h"
#include "util/fd.h"
#include "world.h"

namespace turnpike::bpf_test {
namespace {

constexpr uint32_t kWorkers = 4;
constexpr uint32_t kV6OnlySlot = kWorkers;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address to_address(const Endpoint& endpoint) {
  Address address;
  if (endpoint.address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(endpoint.port);
    std::memcpy(&v4->sin_addr, endpoint.address.wire().data(), 4);
    address.size = sizeof(*v4);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(endpoint.port);
    std::memcpy(&v6->sin6_addr, endpoint.address.wire().data(), 16);
    address.size = sizeof(*v6);
  }
  return address;
}

// The original destination, from IP_RECVORIGDSTADDR or its IPv6 twin.
Endpoint original_destination(msghdr& message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control; control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == SOL_IP && control->cmsg_type == IP_ORIGDSTADDR) {
      sockaddr_in v4;
      std::memcpy(&v4, CMSG_DATA(control), sizeof(v4));
      const auto* byte = reinterpret_cast<const uint8_t*>(&v4.sin_addr);
      return {IpAddress::v4(byte[0], byte[1], byte[2], byte[3]), ntohs(v4.sin_port)};
    }
    if (control->cmsg_level == SOL_IPV6 && control->cmsg_type == IPV6_ORIGDSTADDR) {
      sockaddr_in6 v6;
      std::memcpy(&v6, CMSG_DATA(control), sizeof(v6));
      IpAddress::Storage bytes;
      std::memcpy(bytes.data(), &v6.sin6_addr, 16);
      return {IpAddress::v6(bytes), ntohs(v6.sin6_port)};
    }
  }
  return {};
}

struct Received {
  std::string text;
  Endpoint destination;
};

// Nothing within the time is an empty text.
Received receive(const UniqueFd& socket, int milliseconds) {
  pollfd wait{socket.get(), POLLIN, 0};
  if (poll(&wait, 1, milliseconds) != 1) return {};
  char text[64], control[256];
  iovec part{text, sizeof(text)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t size = recvmsg(socket.get(), &message, 0);
  EXPECT_GE(size, 0) << std::strerror(errno);
  return {std::string(text, static_cast<size_t>(std::max<ssize_t>(size, 0))), original_destination(message)};
}

UniqueFd bound_socket(const Endpoint& local) {
  UniqueFd socket(::socket(local.address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Address address = to_address(local);
  EXPECT_EQ(bind(socket.get(), address.get(), address.size), 0) << std::strerror(errno);
  const int on = 1;
  setsockopt(socket.get(), SOL_IP, IP_RECVORIGDSTADDR, &on, sizeof(on));
  setsockopt(socket.get(), SOL_IPV6, IPV6_RECVORIGDSTADDR, &on, sizeof(on));
  return socket;
}

void send(const UniqueFd& from, const Endpoint& to, const std::string& text) {
  Address address = to_address(to);
  ASSERT_EQ(sendto(from.get(), text.data(), text.size(), 0, address.get(), address.size),
            static_cast<ssize_t>(text.size()))
      << std::strerror(errno);
}

class Steer : public testing::Test {
 protected:
  void SetUp() override {
    home_.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::strerror(errno);
    const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    ASSERT_EQ(ioctl(any.get(), SIOCSIFFLAGS, &request), 0) << std::strerror(errno);
    skeleton_ = steer_bpf__open_and_load();
    ASSERT_NE(skeleton_, nullptr) << std::strerror(errno);
    const UniqueFd here(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    link_ = bpf_program__attach_netns(skeleton_->progs.steer_datagram, here.get());
    ASSERT_NE(link_, nullptr) << std::strerror(errno);
    // Bound elsewhere than where the datagrams go: to ports that the kernel chose.
    for (uint32_t slot = 0; slot < kWorkers; ++slot)
      workers_[slot] = add_socket(slot, bound_socket(at("[::]:0")));
  }
  void TearDown() override {
    bpf_link__destroy(link_);
    steer_bpf__destroy(skeleton_);
    ASSERT_EQ(setns(home_.get(), CLONE_NEWNET), 0) << std::strerror(errno);
  }

  UniqueFd add_socket(uint32_t slot, UniqueFd socket) {
    const uint64_t value = static_cast<uint64_t>(socket.get());
    EXPECT_EQ(bpf_map_update_elem(bpf_map__fd(skeleton_->maps.sockets), &slot, &value, BPF_ANY), 0)
        << std::strerror(errno);
    return socket;
  }
  void add_port(const Endpoint& local, uint32_t first, uint32_t count) {
    tp_steer_key key{};
    std::copy(local.address.bytes().begin(), local.address.bytes().end(), key.local);
    key.local_port = htons(local.port);
    const tp_steer value{first, count, count == 1 ? TP_STEER_RELAY : TP_STEER_LISTENING};
    ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(skeleton_->maps.steer), &key, &value, BPF_ANY), 0);
  }
  // The worker that has something to read, and what; kWorkers when none.
  uint32_t receiver(Received& received) {
    for (uint32_t slot = 0; slot < kWorkers; ++slot) {
      received = receive(workers_[slot], 0);
      if (!received.text.empty()) return slot;
    }
    return kWorkers;
  }

  UniqueFd home_;
  steer_bpf* skeleton_ = nullptr;
  bpf_link* link_ = nullptr;
  UniqueFd workers_[kWorkers];
};

TEST_F(Steer, OwnedPortReachesItsWorkerAndTellsTheDestination) {
  add_port(at("127.0.0.1:50001"), 2, 1);
  add_port(at("[::1]:50001"), 3, 1);
  Received received;
  send(bound_socket(at("127.0.0.1:0")), at("127.0.0.1:50001"), "four");
  EXPECT_EQ(receiver(received), 2u);
  EXPECT_EQ(received.text, "four");
  EXPECT_EQ(received.destination, at("127.0.0.1:50001"));
  send(bound_socket(at("[::1]:0")), at("[::1]:50001"), "six");
  EXPECT_EQ(receiver(received), 3u);
  EXPECT_EQ(received.text, "six");
  EXPECT_EQ(received.destination, at("[::1]:50001"));
}

TEST_F(Steer, SameSocketOwnsManyAddressesAndPorts) {
  Received received;
  for (const char* local : {"127.0.0.1:50001", "127.0.0.2:50001", "127.0.0.1:50002"}) {
    add_port(at(local), 1, 1);
    send(bound_socket(at("127.0.0.1:0")), at(local), local);
    EXPECT_EQ(receiver(received), 1u);
    EXPECT_EQ(received.destination, at(local));
  }
}

TEST_F(Steer, OtherPortsStayTheHosts) {
  add_port(at("127.0.0.1:50001"), 0, 1);
  const UniqueFd host = bound_socket(at("127.0.0.1:50002"));
  const UniqueFd other_address = bound_socket(at("127.0.0.9:50001"));
  const UniqueFd sender = bound_socket(at("127.0.0.1:0"));
  send(sender, at("127.0.0.1:50002"), "port");
  send(sender, at("127.0.0.9:50001"), "address");
  EXPECT_EQ(receive(host, 1000).text, "port");
  EXPECT_EQ(receive(other_address, 1000).text, "address");
  Received received;
  EXPECT_EQ(receiver(received), kWorkers);
}

// A connected socket is an exchange of the host's own, for instance with a DNS server.
TEST_F(Steer, ConnectedSocketComesFirst) {
  const UniqueFd host = bound_socket(at("127.0.0.1:50001")), server = bound_socket(at("127.0.0.1:5353"));
  Address address = to_address(at("127.0.0.1:5353"));
  ASSERT_EQ(connect(host.get(), address.get(), address.size), 0);
  add_port(at("127.0.0.1:50001"), 0, 1);
  send(server, at("127.0.0.1:50001"), "answer");
  EXPECT_EQ(receive(host, 1000).text, "answer");
}

TEST_F(Steer, EmptySlotLeavesTheDatagramToTheHost) {
  add_port(at("127.0.0.1:50001"), kWorkers + 5, 1);
  add_port(at("127.0.0.1:50002"), 0, 0);
  for (const char* local : {"127.0.0.1:50001", "127.0.0.1:50002"}) {
    const UniqueFd host = bound_socket(at(local));
    send(bound_socket(at("127.0.0.1:0")), at(local), "host");
    EXPECT_EQ(receive(host, 1000).text, "host") << local;
  }
}

// The kernel refuses an IPv4 datagram to a socket that is for IPv6 alone; the host's look-up goes on.
TEST_F(Steer, UnsuitableSocketLeavesTheDatagramToTheHost) {
  UniqueFd v6_only(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ASSERT_EQ(setsockopt(v6_only.get(), SOL_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
  Address any = to_address(at("[::]:0"));
  ASSERT_EQ(bind(v6_only.get(), any.get(), any.size), 0);
  const UniqueFd held = add_socket(kV6OnlySlot, std::move(v6_only));
  add_port(at("127.0.0.1:50001"), kV6OnlySlot, 1);
  const UniqueFd host = bound_socket(at("127.0.0.1:50001"));
  send(bound_socket(at("127.0.0.1:0")), at("127.0.0.1:50001"), "host");
  EXPECT_EQ(receive(host, 1000).text, "host");
}

TEST_F(Steer, TcpIsNotSteered) {
  add_port(at("127.0.0.1:50001"), 0, 1);
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Address address = to_address(at("127.0.0.1:50001"));
  ASSERT_EQ(bind(listener.get(), address.get(), address.size), 0) << std::strerror(errno);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  EXPECT_EQ(connect(client.get(), address.get(), address.size), 0) << std::strerror(errno);
}

TEST_F(Steer, RemoteEndpointAlwaysMeetsTheSameWorkerAndRemotesSpread) {
  for (const char* local : {"127.0.0.1:3478", "[::1]:3478"}) {
    add_port(at(local), 0, kWorkers);
    uint32_t datagrams[kWorkers] = {};
    for (int remote = 0; remote < 200; ++remote) {
      const UniqueFd sender = bound_socket({at(local).address, 0});
      Received received;
      send(sender, at(local), "first");
      const uint32_t worker = receiver(received);
      ASSERT_LT(worker, kWorkers);
      send(sender, at(local), "second");
      EXPECT_EQ(receiver(received), worker);
      ++datagrams[worker];
    }
    // 50 of 200 each, give or take: below 20 happens to a fair hash once in many millions.
    for (uint32_t count : datagrams)
      EXPECT_GE(count, 20u) << local;
  }
}

}  // namespace
}  // namespace turnpike::bpf_test
