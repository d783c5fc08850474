// SPDX-License-Identifier: Apache-2.0
//
// TestNetwork: network and mount namespaces for one test, gone with the process.
//
//   here                    tp-peer
//   tp0 192.0.2.1      ---  tp1 192.0.2.2, 192.0.2.3
//       2001:db8::1             2001:db8::2, 2001:db8::3
//
// The senders' checksum offload is off: XDP sees packets as a wire would carry them.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "util/endpoint.h"
#include "util/fd.h"

namespace turnpike {

inline IpAddress address(const std::string& text) {
  return IpAddress::parse(text).value();
}
inline Endpoint endpoint(const std::string& text) {
  return Endpoint::parse(text).value();
}

class TestNetwork : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0) << "these tests need root";
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("tmpfs", "/run", "tmpfs", 0, nullptr), 0);
    run("ip link set lo up");
    run("ip netns add tp-peer");
    run("ip -n tp-peer link set lo up");
    add_link("tp0", "tp1", "192.0.2", "2001:db8:");
    EXPECT_TRUE(eventually([] { return std::system("ping -c1 -W1 192.0.2.2 >/dev/null") == 0; }));
  }

  // A veth pair, the second end in tp-peer; NET.1 and NET::1 here, .2 and .3 there.
  static void add_link(const std::string& here, const std::string& there, const std::string& net4,
                       const std::string& net6) {
    run("ip link add " + here + " type veth peer name " + there + " netns tp-peer");
    run("ethtool -K " + here + " tx off >/dev/null");
    in_peer("ethtool -K " + there + " tx off >/dev/null");
    run("ip addr add " + net4 + ".1/24 dev " + here);
    run("ip addr add " + net6 + ":1/64 nodad dev " + here);
    for (const std::string host : {"2", "3"}) {
      run("ip -n tp-peer addr add " + net4 + "." + host + "/24 dev " + there);
      run("ip -n tp-peer addr add " + net6 + ":" + host + "/64 nodad dev " + there);
    }
    run("ip link set " + here + " up");
    run("ip -n tp-peer link set " + there + " up");
  }

  static bool nothing_comes(const UniqueFd& socket) {
    return receive(socket, std::chrono::milliseconds(200)).empty();
  }

  static void run(const std::string& command) { EXPECT_EQ(std::system(command.c_str()), 0) << command; }
  static void in_peer(const std::string& command) { run("ip netns exec tp-peer " + command); }
  static void set_peer_gro(bool on) {
    in_peer(std::string("ethtool -K tp1 gro ") + (on ? "on" : "off") + " >/dev/null");
  }
  // Stops the kernel from asking for neighbours, so that only the test says who is resolved.
  static void silence_neighbours() { run("ip link set dev tp0 arp off"); }

  static bool eventually(const std::function<bool()>& condition,
                         std::chrono::milliseconds patience = std::chrono::seconds(3)) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  // A UDP socket bound in this namespace, or in tp-peer.
  static UniqueFd udp_socket(const Endpoint& local, bool peer_namespace) {
    UniqueFd socket;
    std::thread([&] {
      if (peer_namespace) {
        const UniqueFd netns(open("/run/netns/tp-peer", O_RDONLY | O_CLOEXEC));
        if (setns(netns.get(), CLONE_NEWNET) != 0) return;
      }
      socket.reset(::socket(local.address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      const Address to(local);
      if (bind(socket.get(), to.get(), to.length()) != 0) socket.reset();
    }).join();
    EXPECT_TRUE(socket) << "no socket at " << local.to_string();
    return socket;
  }

  static void send(const UniqueFd& socket, const Endpoint& destination, const std::string& data) {
    const Address to(destination);
    EXPECT_EQ(sendto(socket.get(), data.data(), data.size(), 0, to.get(), to.length()),
              static_cast<ssize_t>(data.size()));
  }

  // The next datagram, or "" when none comes.
  static std::string receive(const UniqueFd& socket,
                             std::chrono::milliseconds patience = std::chrono::seconds(3)) {
    pollfd ready{socket.get(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(patience.count())) != 1) return "";
    std::string data(2048, '\0');
    const ssize_t length = recv(socket.get(), data.data(), data.size(), 0);
    data.resize(length < 0 ? 0 : static_cast<size_t>(length));
    return data;
  }

 private:
  class Address {
   public:
    explicit Address(const Endpoint& endpoint) : v4_(endpoint.address.is_v4()) {
      const Bytes wire = endpoint.address.wire();
      if (v4_) {
        in4_.sin_family = AF_INET;
        in4_.sin_port = htons(endpoint.port);
        std::memcpy(&in4_.sin_addr, wire.data(), wire.size());
      } else {
        in6_.sin6_family = AF_INET6;
        in6_.sin6_port = htons(endpoint.port);
        std::memcpy(&in6_.sin6_addr, wire.data(), wire.size());
      }
    }
    const sockaddr* get() const {
      return v4_ ? reinterpret_cast<const sockaddr*>(&in4_) : reinterpret_cast<const sockaddr*>(&in6_);
    }
    socklen_t length() const { return v4_ ? sizeof in4_ : sizeof in6_; }

   private:
    bool v4_;
    sockaddr_in in4_{};
    sockaddr_in6 in6_{};
  };
};

}  // namespace turnpike
