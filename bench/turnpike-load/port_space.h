// SPDX-License-Identifier: Apache-2.0
//
// PortSpace: a range of UDP ports of some of a host's addresses, all of them open without a socket for each.
// A sk_lookup program gives what arrives to few sockets; datagrams are sent by raw sockets. So a quarter of a
// million clients cost a generator no memory in the kernel, and nobody answers their datagrams with ICMP
// errors. It belongs to the network namespace of the thread that opened it.
//
// Lane: one thread's share of the ports, and its sockets.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "net/raw_egress.h"
#include "net/receive_batch.h"
#include "util/endpoint.h"
#include "util/fd.h"
#include "util/result.h"

struct ports_bpf;
struct bpf_link;

namespace turnpike::load {

class Lane {
 public:
  using Handler = std::function<void(const net::ReceivedDatagram&)>;

  static Result<Lane> open();
  int socket() const { return socket_.get(); }

  // Collects; `datagram` must stay where it is until flush().
  void send(const Endpoint& from, const Endpoint& to, Bytes datagram);
  void flush() { egress_->flush(); }
  // Gives `handle` what is there, after at most `wait` for a first datagram.
  void receive(std::chrono::milliseconds wait, const Handler& handle);

 private:
  Lane(UniqueFd socket, std::unique_ptr<net::RawEgress> egress)
      : socket_(std::move(socket)),
        egress_(std::move(egress)),
        batch_(std::make_unique<net::ReceiveBatch>()) {}
  UniqueFd socket_;
  std::unique_ptr<net::RawEgress> egress_;
  std::unique_ptr<net::ReceiveBatch> batch_;
};

struct PortSpaceOptions {
  std::vector<IpAddress> addresses;
  uint16_t first_port = 0;
  uint16_t last_port = 0;
  std::optional<Endpoint> remote;  // only what comes from there; other traffic of the ports is the host's
  unsigned lanes = 1;              // at most LOAD_MAX_SOCKETS
};

class PortSpace {
 public:
  static Result<PortSpace> open(const PortSpaceOptions& options);

  // The lane of a port is port % lanes().
  size_t lanes() const { return lanes_.size(); }
  Lane& lane(size_t index) { return lanes_[index]; }

 private:
  struct Unload {
    void operator()(ports_bpf* skeleton) const;
    void operator()(bpf_link* link) const;
  };
  PortSpace() = default;
  Result<void> steer(const PortSpaceOptions& options);

  std::vector<Lane> lanes_;
  std::unique_ptr<ports_bpf, Unload> skeleton_;
  std::unique_ptr<bpf_link, Unload> link_;
};

}  // namespace turnpike::load
