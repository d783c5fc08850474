// SPDX-License-Identifier: Apache-2.0
//
// Flows: allocations and bindings at a relay, set up and each tried with a datagram, and the peer that they
// talk with.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bindings.h"
#include "clients.h"
#include "net_namespace.h"

namespace turnpike::load {

struct Namespaces {
  NetNamespace client;
  NetNamespace relay;
  NetNamespace peer;

  static Result<Namespaces> open(const RelayOptions& options);
};

class Flows {
 public:
  // `options` and `namespaces` must outlive the result. Leaves the thread in some namespace of `namespaces`.
  static Result<std::unique_ptr<Flows>> set_up(const RelayOptions& options, const Namespaces& namespaces);
  // Ends the allocations.
  ~Flows();

  const std::vector<Binding>& bindings() const { return bindings_; }
  const Allocation& client(unsigned index) const { return allocations_[index]; }
  // The other end of a binding as the relay knows it: a port of the peer's, or another client's relayed
  // address.
  Endpoint peer_of(const Binding& binding) const;
  // How clients send and receive.
  Framing sends() const { return options_.framing; }
  Framing receives() const;

 private:
  Flows(const RelayOptions& options, Clients clients)
      : options_(options), clients_(std::move(clients)), requester_(clients_.lane(0), options.target) {}
  Result<void> open_peer(const NetNamespace& netns);
  Result<void> bind();
  Result<void> probe();

  const RelayOptions& options_;
  Clients clients_;
  Requester requester_;
  std::optional<PortSpace> peer_;
  std::vector<Allocation> allocations_;
  std::vector<Binding> bindings_;
};

}  // namespace turnpike::load
