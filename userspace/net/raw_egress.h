// SPDX-License-Identifier: Apache-2.0
//
// RawEgress: sends UDP datagrams from any address and port of this host without a socket for each (design:
// a relay port is data, not a socket). One worker's; one thread. Runs of datagrams that follow each other on
// one way are the exception: they leave by a socket of their port's, as one (burst_sockets.h).
//
// Raw UDP sockets without IP_HDRINCL: the kernel routes and fragments. Each is bound to an address that no
// host has and drops by a socket filter whatever might still reach it, so that it never receives.
//
// Don't-fragment: Linux has no control message for it in IPv4, hence two IPv4 sockets. Without it
// IP_PMTUDISC_DONT: DF is clear and the kernel and every router may fragment, as RFC 8656 §14 asks of a relay
// that cannot see the DF bit of what it received. With it IP_PMTUDISC_PROBE: DF is set, and like a router we
// send whatever fits the interface rather than trust learnt path MTUs. In IPv6 IPV6_DONTFRAG forbids our own
// fragmenting; without it the kernel fragments to the path MTU, since no router may.
#pragma once

#include <algorithm>
#include <memory>

#include "net/burst_sockets.h"
#include "net/send_batch.h"
#include "util/endpoint.h"
#include "util/fd.h"
#include "util/result.h"

namespace turnpike::net {

class RawEgress {
 public:
  // kPermission without CAP_NET_RAW.
  static Result<std::unique_ptr<RawEgress>> create();

  // Collects a datagram; `data` must stay where it is until flush(). Both ends are of one family, and
  // `source` is an address of this host. More than 65507 (IPv4) or 65527 (IPv6) bytes count as failed.
  void send(const Endpoint& source, const Endpoint& destination, const IpFields& ip, Bytes data);
  void flush();
  // Nothing more is sent from `source`, or by another worker.
  void release(const Endpoint& source) { bursts_.close(source); }
  uint64_t failed() const;

  // A datagram that might not be fragmented and did not fit; `data` is still borrowed.
  struct TooBig {
    Endpoint source;
    Endpoint destination;
    Bytes data;
  };
  // Those since the last call.
  std::vector<TooBig> take_too_big();

 private:
  static constexpr size_t kBurst = 4;  // datagrams; shorter runs are not worth a system call
  // Datagrams that follow each other on one way, also in memory: all of one size, the last may be shorter.
  struct Run {
    Endpoint source, destination;
    IpFields ip;
    size_t segment = 0;
    size_t count = 0;
    Bytes data;
    Bytes datagram(size_t index) const {
      return data.subspan(index * segment, std::min(segment, data.size() - index * segment));
    }
  };

  RawEgress(UniqueFd v4, UniqueFd v4_dont_fragment, UniqueFd v6);
  bool extend_run(const Endpoint& source, const Endpoint& destination, const IpFields& ip, Bytes data);
  void send_run();
  bool send_burst();
  void send_one(const Endpoint& source, const Endpoint& destination, const IpFields& ip, Bytes data);

  UniqueFd v4_, v4_dont_fragment_, v6_;
  SendBatch v4_batch_, v4_dont_fragment_batch_, v6_batch_;
  Run run_;
  BurstSockets bursts_;
  SendBatch burst_batch_{-1};
  uint64_t too_long_ = 0;
};

// The checksum of RFC 768 (RFC 8200 §8.1) over pseudo-header, `header` (its checksum field zero) and `data`;
// 0xffff where it computes to zero. Host order.
uint16_t udp_checksum(const IpAddress& source, const IpAddress& destination, Bytes header, Bytes data);

}  // namespace turnpike::net
