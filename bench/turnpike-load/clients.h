// SPDX-License-Identifier: Apache-2.0
//
// Clients: the relay's clients that this program plays, each a 5-tuple of its own.
#pragma once

#include <functional>
#include <utility>

#include "allocation.h"
#include "options.h"
#include "port_space.h"
#include "requester.h"

namespace turnpike::load {

// Which address and port the n-th client of a lane has: ports first, then addresses. They come again after
// capacity(). They start anywhere, lest a relay still has a former run's allocations there.
class ClientEndpoints {
 public:
  static constexpr uint16_t kFirstPort = 10240;
  static constexpr uint16_t kLastPort = 65535;

  ClientEndpoints(std::vector<IpAddress> addresses, unsigned lanes, uint32_t start);
  Endpoint at(unsigned lane, size_t n) const;
  size_t capacity() const { return addresses_.size() * ports_; }  // of a lane
  const std::vector<IpAddress>& addresses() const { return addresses_; }

 private:
  std::vector<IpAddress> addresses_;
  unsigned lanes_;
  uint32_t start_;
  size_t ports_;  // of a lane and an address
};

class Clients {
 public:
  // In the thread's network namespace. kExhausted when a lane's addresses have fewer than `count` ports.
  static Result<Clients> open(const Target& target, unsigned lanes, size_t count);

  const ClientEndpoints& endpoints() const { return endpoints_; }
  Lane& lane(size_t index) { return ports_.lane(index); }

 private:
  Clients(ClientEndpoints endpoints, PortSpace ports)
      : endpoints_(std::move(endpoints)), ports_(std::move(ports)) {}
  ClientEndpoints endpoints_;
  PortSpace ports_;
};

// Asks for `count` things, `next(i)` says which, many at a time; the first refusal ends it.
using NextRequest = std::function<std::pair<Allocation*, Request>(size_t)>;
Result<void> ask_all(Requester& requester, const Target& target, size_t count, const NextRequest& next);

// Of lane 0.
Result<std::vector<Allocation>> allocate_all(Clients& clients, Requester& requester, const Target& target,
                                             size_t count);
// Ends them; what the relay refuses, or does not answer, ends by itself in time.
void release_all(std::vector<Allocation>& allocations, Requester& requester);

}  // namespace turnpike::load
