// SPDX-License-Identifier: Apache-2.0
//
// RelayPorts: which relay ports are in use, for all workers together. A port is claimed by the worker in
// whose slice it lies, so two workers never compete for one; owned() may be asked from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "util/endpoint.h"
#include "util/random.h"

namespace turnpike::turn {

struct PortRange {
  uint16_t first = 49152;
  uint16_t last = 65535;  // inclusive
  bool contains(uint16_t port) const { return first <= port && port <= last; }
};

class RelayPorts {
 public:
  RelayPorts(const std::vector<IpAddress>& addresses, PortRange range);

  const PortRange& range() const { return range_; }
  bool is_relay_address(const IpAddress& address) const { return used_.contains(address); }
  bool owned(const Endpoint& relayed) const;
  bool claim(const Endpoint& relayed);  // false: taken, or not a relay address and port of ours
  void release(const Endpoint& relayed);

 private:
  using Bitmap = std::vector<std::atomic<uint64_t>>;

  size_t index_of(const Endpoint& relayed) const { return size_t{relayed.port} - range_.first; }
  // The word of the bitmap that has the port's bit; nullptr when it is no relay address and port of ours.
  std::atomic<uint64_t>* word_of(const Endpoint& relayed) const;

  PortRange range_;
  std::map<IpAddress, std::unique_ptr<Bitmap>> used_;
};

// One worker's slice: port pairs (even, odd) go round the workers, so a reserved pair has one owner.
class PortAllocator {
 public:
  PortAllocator(RelayPorts& ports, unsigned worker, unsigned workers, Random& random);

  // A random free port on `address` (RFC 8656 §7.2: hard to guess), claimed. nullopt: none is free.
  std::optional<uint16_t> claim(const IpAddress& address);
  // A random free even port; with `pair` its odd neighbour is claimed too (EVEN-PORT's R bit).
  std::optional<uint16_t> claim_even(const IpAddress& address, bool pair);
  void release(const Endpoint& relayed) { ports_.release(relayed); }

 private:
  // Walks the slice once from a random place; `fits` claims or refuses each port.
  template <class Fits>
  std::optional<uint16_t> search(Fits fits);

  RelayPorts& ports_;
  std::vector<uint16_t> slice_;
  Random& random_;
};

}  // namespace turnpike::turn
