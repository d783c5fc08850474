// SPDX-License-Identifier: Apache-2.0
//
// Options of turnpike-load, as the command line gives them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "turn_client.h"
#include "util/endpoint.h"

namespace turnpike::load {

enum class Direction : uint8_t {
  kToPeer,    // ChannelData from clients, counted at the peer
  kToClient,  // datagrams from the peer, counted as ChannelData at the clients
  kHairpin,   // ChannelData between two clients of the relay, counted at the second
  kForward,   // no relay: a bare XDP redirect in its place
};

struct Options {
  Direction direction = Direction::kToPeer;
  Endpoint relay;
  Endpoint peer;
  Credentials credentials;
  std::string client_netns;
  std::string relay_netns;  // kForward only
  std::string peer_netns;
  uint16_t size = 160;  // bytes of application data
  unsigned seconds = 5;
  uint64_t rate = 0;  // frames a second; 0: as many as there can be
  unsigned flows = 1;
  std::vector<int> cpus = {0};  // that make the frames, a thread each
  bool json = false;
};

inline constexpr uint16_t kMinSize = 32;      // LOAD_TEMPLATE_SIZE lies within the frame
inline constexpr uint16_t kMaxSize = 1400;    // a frame lies within a page, and a datagram in the usual MTU
inline constexpr unsigned kMaxSeconds = 200;  // permissions live 300 s (RFC 8656 §9)

}  // namespace turnpike::load
