// SPDX-License-Identifier: Apache-2.0
//
// Steering: one sk_lookup program that gives each datagram for a listening port or an owned relay port to a
// worker's socket, whatever that socket is bound to. Needed with and without the XDP program. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bpf/abi.h"
#include "fastpath/bpffs.h"
#include "fastpath/pinned_maps.h"
#include "util/endpoint.h"
#include "util/result.h"

namespace turnpike::fastpath {

struct SteeringOptions {
  uint32_t max_ports = 131072;  // listening and owned relay ports together
  uint32_t max_sockets = 1024;
};

enum class PortKind : uint8_t { kListening, kRelay };

// Which of `count` workers has the datagrams of `remote`: the program's own choice, made in userspace.
uint32_t worker_of(const Endpoint& remote, uint32_t count);

class Steering {
 public:
  // Attaches to the network namespace of the calling thread; detaches when destroyed. Ports that an earlier
  // process left in `bpffs` go on until finish_takeover(); its link is given the new program.
  // kPermission, or kUnsupported with the verifier's log.
  static Result<std::unique_ptr<Steering>> create(const SteeringOptions& options, const Bpffs& bpffs);
  // The program's maps: `steer`, which the XDP program reads too, and `sockets`.
  static Result<std::vector<MapLayout>> layouts();
  virtual ~Steering() = default;

  // `socket`: a bound UDP socket; it may be AF_INET6 without IPV6_V6ONLY to take both families.
  virtual Result<void> set_socket(uint32_t slot, int socket) = 0;
  // Datagrams for `local` go to slots first..first+count-1, by a hash of where they come from. Errors do not
  // name `local`, which not every log may tell.
  virtual Result<void> add_port(const Endpoint& local, PortKind kind, uint32_t first, uint32_t count) = 0;
  virtual void remove_port(const Endpoint& local) = 0;
  // That there is room for: fewer or more than asked for where an earlier process had made the map.
  virtual uint32_t max_ports() const = 0;
  // Ends the ports of an earlier process that were not added again; tells how many.
  virtual size_t finish_takeover() = 0;
  // At destruction the link and the ports stay, for a successor; so they do when `bpffs` was kept at the
  // start.
  virtual void keep() = 0;
};

}  // namespace turnpike::fastpath
