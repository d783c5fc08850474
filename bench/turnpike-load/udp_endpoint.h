// SPDX-License-Identifier: Apache-2.0
//
// UdpEndpoint: a blocking UDP socket with a receive time limit, for the few messages that set a flow up.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "util/bytes.h"
#include "util/endpoint.h"
#include "util/fd.h"
#include "util/result.h"

namespace turnpike::load {

class UdpEndpoint {
 public:
  // Bound to `local`, port 0 for any free one.
  static Result<UdpEndpoint> bind(const Endpoint& local);
  // Bound to the address that the host would use towards `remote`.
  static Result<UdpEndpoint> towards(const Endpoint& remote);

  const Endpoint& local() const { return local_; }
  Result<void> send(const Endpoint& to, Bytes datagram) const;
  // The next datagram, or nullopt when none came in time.
  std::optional<std::vector<uint8_t>> receive(std::chrono::milliseconds limit) const;

 private:
  UdpEndpoint(UniqueFd fd, Endpoint local) : fd_(std::move(fd)), local_(local) {}
  UniqueFd fd_;
  Endpoint local_;
};

}  // namespace turnpike::load
