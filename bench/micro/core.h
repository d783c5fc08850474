// SPDX-License-Identifier: Apache-2.0
//
// Core: a turn::Server with the relay's own surroundings (users, nonces, peer policy, quota, random numbers),
// and sessions in it. No sockets and no kernel: commands are looked at and thrown away.
#pragma once

#include <memory>
#include <vector>

#include "auth/relay_authenticator.h"
#include "guard/peer_policy.h"
#include "guard/quota.h"
#include "messages.h"
#include "turn/server.h"

namespace turnpike::micro {

// One with kUsername and kPassword, and timed ones of one secret.
auth::RelayAuthenticator make_authenticator();

class Core {
 public:
  // `sessions` allocations, each with a channel and thereby a permission. At most 50,000.
  explicit Core(size_t sessions);

  struct Session {
    FiveTuple five_tuple;
    std::string nonce;
    Endpoint relayed;
    Endpoint peer;
  };
  const std::vector<Session>& sessions() const { return sessions_; }
  Session stranger(size_t number) const;  // a 5-tuple without an allocation

  void from_client(const Datagram& datagram, const FiveTuple& five_tuple) {
    server_->handle_client(datagram, five_tuple, {}, now_);
  }
  void from_peer(const Datagram& datagram, const Endpoint& peer, const Endpoint& relayed) {
    server_->handle_peer(datagram, peer, relayed, {}, now_);
  }
  // Whether the last event gave one of these; then the queue is empty, and ports that were given back free.
  template <class Wanted>
  bool did() {
    bool found = false;
    for (const turn::Command& command : server_->commands().commands()) {
      found = found || std::holds_alternative<Wanted>(command);
      if (const auto* port = std::get_if<turn::ReleasePort>(&command)) ports_.release(port->relayed);
    }
    server_->commands().clear();
    return found;
  }

 private:
  void open(Session& session, uint64_t number);

  const Now now_ = read_clocks();
  auth::RelayAuthenticator authenticator_;
  guard::RelayPeerPolicy peers_;
  guard::SharedQuota quota_;
  turn::RelayPorts ports_;
  turn::Reservations reservations_;
  SystemRandom random_;
  std::unique_ptr<turn::Server> server_;
  std::vector<Session> sessions_;
};

inline constexpr uint16_t kChannel = 0x4000;  // of each session

// The one with so many sessions, made when first asked for: the library calls each benchmark several times.
// Who uses it leaves its sessions as they are.
Core& core_with(size_t sessions);

}  // namespace turnpike::micro
