// SPDX-License-Identifier: Apache-2.0
//
// turn::Server: STUN Binding and TURN over UDP (RFC 8489, RFC 8656) without sockets, clocks or threads. Each
// call takes an event and the time, and leaves commands in commands(); the caller carries them out and
// clears the queue before the next event. One server belongs to one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "turn/commands.h"
#include "turn/environment.h"
#include "turn/relay_ports.h"
#include "util/random.h"

namespace turnpike::turn {

// A relay address as the interface has it, and as clients and peers see it (1:1 NAT; equal without one).
struct RelayAddress {
  IpAddress local;
  IpAddress external;
};

struct Options {
  std::string realm = "turnpike";
  std::vector<RelayAddress> relay_addresses;  // an allocation takes one at random from its family's
  unsigned worker = 0;                        // this server is number `worker` of `workers`
  unsigned workers = 1;
  bool strict_channels = false;      // RFC 8656's 0x4000-0x4FFF only
  std::string software;              // SOFTWARE of answers; empty: none
  Seconds default_lifetime{600};     // RFC 8656 §3.2
  Seconds max_lifetime{3600};        // RFC 8656 §7.2
  Seconds permission_lifetime{300};  // RFC 8656 §9
  Seconds channel_lifetime{600};     // RFC 8656 §12
  Seconds channel_rest{300};         // RFC 8656 §12: a freed number or peer waits this long
  Seconds reservation_lifetime{30};  // RFC 8656 §7.2
  size_t max_permissions = 256;      // per allocation; 508 beyond
  size_t max_channels = 256;         // per allocation; 508 beyond
};

struct Environment {
  const Authenticator& authenticator;
  const PeerPolicy& peers;
  AllocationQuota& quota;
  RelayPorts& ports;
  Random& random;
};

// Counted since start. A packet that is relayed counts on one side only.
struct Counters {
  uint64_t to_peer_packets = 0, to_peer_bytes = 0;      // payload bytes, client to peer
  uint64_t to_client_packets = 0, to_client_bytes = 0;  // payload bytes, peer to client
};

// Why the slow path dropped a datagram without an answer.
enum class DropReason : uint8_t {
  kMalformedStun,
  kMalformedChannelData,
  kUnknownMethod,
  kNoAllocation,
  kNoPermission,
  kChannelUnbound,
  kPeerForbidden,     // Send to a peer that policy refuses
  kPeerFamily,        // Send to a peer of another family than the relayed address
  kTtlExceeded,       // TTL or hop limit would reach 0
  kUnknownAttribute,  // an indication with a comprehension-required attribute we do not know
  kNotListening,      // a peer packet to a relay port that nobody has
  kCount,
};
const char* to_string(DropReason reason);  // snake_case: "malformed_stun", …

// A copy of one allocation for the CLI.
struct SessionSnapshot {
  struct Permission {
    IpAddress peer;
    MonotonicTime expires;
  };
  struct Channel {
    ChannelNumber number;
    Endpoint peer;
    MonotonicTime expires;
  };
  AllocationId id;
  FiveTuple five_tuple;
  Endpoint relayed;  // as told to the client
  std::string username;
  MonotonicTime created;
  MonotonicTime expires;
  Counters counters;  // slow path
  std::vector<Permission> permissions;
  std::vector<Channel> channels;
};

class Server {
 public:
  // `options.relay_addresses` agree with `environment.ports`. Refuses (kInvalid) an empty realm or an empty
  // list of relay addresses.
  static Result<std::unique_ptr<Server>> create(Options options, Environment environment);
  virtual ~Server() = default;

  // A datagram from a client at a listening address. `ip` is its IP header's.
  virtual void handle_client(Bytes datagram, const FiveTuple& five_tuple, const IpFields& ip,
                             const Now& now) = 0;
  // A datagram from `peer` at a relay address and port, both as on the interface.
  virtual void handle_peer(Bytes datagram, const Endpoint& peer, const Endpoint& relayed, const IpFields& ip,
                           const Now& now) = 0;
  // Ends what has expired. To be called at next_timeout() or later.
  virtual void handle_timeout(const Now& now) = 0;
  virtual std::optional<MonotonicTime> next_timeout() const = 0;
  virtual CommandQueue& commands() = 0;

  // Statistics.
  virtual const Counters& counters() const = 0;
  virtual uint64_t drops(DropReason reason) const = 0;
  virtual size_t allocation_count() const = 0;
  virtual size_t permission_count() const = 0;
  virtual size_t channel_count() const = 0;
  virtual std::vector<SessionSnapshot> sessions(const Now& now) const = 0;
};

}  // namespace turnpike::turn
