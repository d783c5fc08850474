// SPDX-License-Identifier: Apache-2.0
//
// RelayPorts: which relay ports are in use, for all workers together. A port is claimed by the worker in
// whose slice it lies, so two workers never compete for one; owned() and release() any thread may call.
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

// What is claimed at once: a port, an even one, or an even one with its odd neighbour.
enum class PortShape : uint8_t { kAny, kEven, kPair };

class RelayPorts {
 public:
  RelayPorts(const std::vector<IpAddress>& addresses, PortRange range);

  const PortRange& range() const { return range_; }
  bool is_relay_address(const IpAddress& address) const { return used_.contains(address); }
  bool owned(const Endpoint& relayed) const;
  bool claim(const Endpoint& relayed);  // false: taken, or not a relay address and port of ours
  void release(const Endpoint& relayed);

  // A set of ports: a bit for each, 64 to a word, an even port and its odd neighbour in the same word.
  using PortSet = std::vector<uint64_t>;
  PortSet no_ports() const { return PortSet(words_); }
  void insert(PortSet& set, uint16_t port) const;
  // Claims the first of `among` at or after `start`, going round, that is free and of that shape; tells the
  // even one of a pair. It looks at words, not at ports: that none is free costs some hundred loads.
  std::optional<uint16_t> claim_next(const IpAddress& address, uint16_t start, const PortSet& among,
                                     PortShape shape);

 private:
  using Bitmap = std::vector<std::atomic<uint64_t>>;

  uint16_t base() const { return range_.first & ~1u; }  // bit 0's port
  size_t index_of(uint16_t port) const { return size_t{port} - base(); }
  // The word of the bitmap that has the port's bit; nullptr when it is no relay address and port of ours.
  std::atomic<uint64_t>* word_of(const Endpoint& relayed) const;

  PortRange range_;
  size_t words_;
  std::map<IpAddress, std::unique_ptr<Bitmap>> used_;
};

// One worker's slice: port pairs (even, odd) go round the workers, so a reserved pair has one owner.
class PortAllocator {
 public:
  PortAllocator(RelayPorts& ports, unsigned worker, unsigned workers, Random& random);

  // A random free port of that shape on `address` (RFC 8656 §7.2: hard to guess), claimed; the even one of a
  // pair (EVEN-PORT's R bit), with its odd neighbour. nullopt: none is free.
  std::optional<uint16_t> claim(const IpAddress& address, PortShape shape = PortShape::kAny);

 private:
  RelayPorts& ports_;
  std::vector<uint16_t> slice_;
  RelayPorts::PortSet slice_set_;
  Random& random_;
};

}  // namespace turnpike::turn
