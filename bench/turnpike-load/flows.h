// SPDX-License-Identifier: Apache-2.0
//
// Flows: allocations and channels at a relay, tried with one datagram each, and the frames that load them.
#pragma once

#include <optional>
#include <vector>

#include "frame.h"
#include "net_namespace.h"
#include "options.h"
#include "turn_client.h"

namespace turnpike::load {

struct Namespaces {
  NetNamespace client;
  NetNamespace relay;
  NetNamespace peer;

  static Result<Namespaces> open(const Options& options);
};

// What the sink counts; ports of 0 match any.
struct SinkMatch {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint16_t udp_length = 0;
};

// Everything that the kernel programs must know. Clients and sockets stay open while this lives, so that no
// ICMP error answers and no port is taken by others.
struct Flows {
  std::vector<TurnClient> clients;
  std::optional<UdpEndpoint> peer;
  std::vector<FrameSpec> frames;  // one a flow
  const NetNamespace* generator_netns = nullptr;
  unsigned generator_ifindex = 0;
  const NetNamespace* sink_netns = nullptr;
  unsigned sink_ifindex = 0;
  SinkMatch sink;
};

// Leaves the thread in some namespace of `namespaces`, which must outlive the result.
Result<Flows> set_up_flows(const Options& options, const Namespaces& namespaces);

}  // namespace turnpike::load
