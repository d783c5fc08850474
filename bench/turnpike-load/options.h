// SPDX-License-Identifier: Apache-2.0
//
// Options of turnpike-load's subcommands, as the command line gives them; check() says what cannot be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "util/endpoint.h"

namespace turnpike::load {

enum class Direction : uint8_t {
  kToPeer,      // from clients, counted at the peer
  kToClient,    // from the peer, counted at the clients
  kHairpin,     // between clients of the relay, counted at the second
  kForward,     // no relay: a bare XDP redirect in its place
  kForwardFib,  // no relay: an XDP router in its place (TTL, route look-up, redirect)
};

enum class Framing : uint8_t {
  kChannel,     // ChannelData
  kIndication,  // Send and Data indications
};

enum class Pairs : uint8_t {
  kAlike,  // both clients of a hairpin use the framing
  kMixed,  // the receiving one has the other framing
};

enum class Profile : uint8_t {
  kFixed,  // datagrams of one size
  kMixed,  // a call's voice and video (profile.h)
};

struct Credentials {
  std::string user;
  std::string password;
};

// A relay, and the clients that this program plays.
struct Target {
  Endpoint relay;
  Credentials credentials;
  std::string client_netns;                 // empty: the program's own
  std::vector<IpAddress> client_addresses;  // empty: the one that routes choose
};

struct RelayOptions {
  Target target;
  Endpoint peer;
  std::string peer_netns;
  std::string relay_netns;  // kForward and kForwardFib only
  Direction direction = Direction::kToPeer;
  Framing framing = Framing::kChannel;
  Pairs pairs = Pairs::kAlike;
  Profile profile = Profile::kFixed;
  uint16_t size = 160;  // bytes of application data, kFixed only
  unsigned seconds = 5;
  uint64_t rate = 0;  // datagrams a second; 0: as many as there can be
  unsigned flows = 1;
  unsigned bindings = 0;  // over all flows; 0: one a flow
  unsigned active = 0;    // bindings that get traffic; 0: all
  bool delay = false;
  std::vector<int> cpus = {0};  // that make the frames, a thread each
  bool json = false;

  bool needs_relay() const { return direction != Direction::kForward && direction != Direction::kForwardFib; }
};

struct AllocateOptions {
  Target target;
  unsigned seconds = 5;
  unsigned clients = 64;
  unsigned threads = 1;
  bool json = false;
};

struct HoldOptions {
  Target target;
  unsigned allocations = 1000;
  bool json = false;
};

inline constexpr uint16_t kMinSize = 32;      // the parts of a frame that are written anew lie within it
inline constexpr uint16_t kMaxSize = 1400;    // with all headers within the usual MTU
inline constexpr unsigned kMaxSeconds = 200;  // permissions live 300 s (RFC 8656 §9), set-up included
inline constexpr unsigned kMaxAllocations = 1u << 20;
inline constexpr unsigned kChannelsPerFlow = 4096;  // 0x4000-0x4FFF (RFC 8656 §12)
inline constexpr uint16_t kFirstChannel = 0x4000;

// Puts the defaults that depend on other options in place. kInvalid when options contradict each other.
Result<void> check(RelayOptions& options);
Result<void> check(AllocateOptions& options);
Result<void> check(HoldOptions& options);

}  // namespace turnpike::load
