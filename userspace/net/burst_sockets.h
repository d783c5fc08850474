// SPDX-License-Identifier: Apache-2.0
//
// BurstSockets: sockets bound to ports that send many datagrams in a row. A raw socket sends from any port,
// but each datagram by itself; one bound to the port lets the kernel carry a run as one (SendBatch). They
// receive nothing: what comes to the port is steered elsewhere. One worker's; one thread.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>

#include "util/endpoint.h"
#include "util/fd.h"

namespace turnpike::net {

class BurstSockets {
 public:
  // The one bound to `source`; -1 when there is none. It is made when a run of `datagrams` pays for that;
  // where there are kMost, the one that was not asked for the longest goes.
  int find(const Endpoint& source, size_t datagrams);
  // The port may have another owner from now on.
  void close(const Endpoint& source);

  static constexpr size_t kMost = 128;
  static constexpr size_t kPays = 16;  // datagrams in a row; opening a socket takes some ten microseconds

 private:
  struct Entry {
    Endpoint source;
    UniqueFd socket;
  };
  std::list<Entry> entries_;  // who was asked for last goes first
  std::unordered_map<Endpoint, std::list<Entry>::iterator> by_source_;
};

}  // namespace turnpike::net
