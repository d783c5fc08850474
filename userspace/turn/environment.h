// SPDX-License-Identifier: Apache-2.0
//
// What turn::Server asks of the outside, as interfaces that the rooms above implement. All of them outlive
// the server; those marked shared are called from every worker's thread at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stun/integrity.h"
#include "util/clock.h"
#include "util/endpoint.h"
#include "util/relay_types.h"

namespace turnpike::turn {

enum class NonceState : uint8_t { kValid, kStale, kForged };

// Shared. Who may use the relay (RFC 8489 §9.2).
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // The keys that `username` may use in the server's realm, the likeliest first: a timed username has one for
  // each secret in use, and the client's password came from one of them. The request's MESSAGE-INTEGRITY says
  // which; the answer takes the same. Empty when unknown, malformed or expired. A timed username stops being
  // known when its time is up, so a Refresh then fails too.
  virtual std::vector<stun::LongTermKey> keys_for(std::string_view username, const Now& now) const = 0;
  // A nonce bound to the client's address and the time; needs no state to check.
  virtual std::string make_nonce(const Endpoint& client, const Now& now) const = 0;
  // kStale: ours, but too old. kForged: not ours or another client's. Both are answered by 438.
  virtual NonceState check_nonce(std::string_view nonce, const Endpoint& client, const Now& now) const = 0;
};

struct PeerVerdict {
  bool allowed = false;
  const char* reason = "";  // static text, why not: "private-use (RFC 1918)", …
};

// Shared. Which peers may be reached.
class PeerPolicy {
 public:
  virtual ~PeerPolicy() = default;
  // CreatePermission names an address without a meaningful port.
  virtual PeerVerdict judge(const IpAddress& peer) const = 0;
  // ChannelBind and Send name both. Implies judge(peer.address).
  virtual PeerVerdict judge(const Endpoint& peer) const = 0;
};

// Shared. Counts allocations of a user and of the relay.
class AllocationQuota {
 public:
  virtual ~AllocationQuota() = default;
  enum class Verdict : uint8_t { kGranted, kUserFull, kRelayFull };
  virtual Verdict acquire(std::string_view username) = 0;
  // Counts an allocation that exists already, from before a restart, whatever the limits.
  virtual void adopt(std::string_view username) = 0;
  virtual void release(std::string_view username) = 0;  // once for each kGranted and each adopted one
};

// Shared. How much may pass: the same rates and quotas as the kernel's, kept in the same words.
class TrafficLimits {
 public:
  virtual ~TrafficLimits() = default;
  // `bytes` of application data in that direction: admitted and charged, empty text; or refused, the static
  // text says by what ("over the allocation's rate", ...).
  virtual const char* admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now) = 0;
};

// Shared. Sources that are kept out before anything of theirs is read. The kernel does the same for what
// passes the fast path's interfaces.
class SourceGuard {
 public:
  virtual ~SourceGuard() = default;
  virtual bool blocked(const IpAddress& source, MonotonicTime now) const = 0;
  // A request from a 5-tuple without an allocation: false when the source has sent too many.
  virtual bool admit_request(const IpAddress& source, MonotonicTime now) = 0;
};

}  // namespace turnpike::turn
