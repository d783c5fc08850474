// SPDX-License-Identifier: Apache-2.0
//
// Reservations: odd ports held for a second Allocate of the same user (RFC 8656 §7.2, EVEN-PORT's R bit), for
// all workers together: the second Allocate comes from another 5-tuple, so perhaps to another worker. The
// worker that made one ends it when its time is over; until then whoever takes it out owns port and quota.
// The users' quota bounds how many there are. Any thread.
#pragma once

#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "turn/allocation.h"

namespace turnpike::turn {

struct Reservation {
  Endpoint relayed;
  std::string username;
  MonotonicTime expires;
};

class Reservations {
 public:
  // False, and nothing is kept, when the token is in use.
  bool add(const ReservationToken& token, Reservation reservation);
  // Takes out the live reservation of that token and user.
  std::optional<Reservation> redeem(const ReservationToken& token, std::string_view username,
                                    MonotonicTime now);
  // Takes it out when nobody has redeemed it.
  std::optional<Reservation> end(const ReservationToken& token);

 private:
  struct HashToken {  // tokens are random already, and only ours are kept
    size_t operator()(const ReservationToken& token) const noexcept {
      size_t hash;
      static_assert(sizeof hash == sizeof token);
      std::memcpy(&hash, token.data(), sizeof hash);
      return hash;
    }
  };
  using Waiting = std::unordered_map<ReservationToken, Reservation, HashToken>;
  std::optional<Reservation> take(Waiting::iterator found);

  std::mutex mutex_;  // guards what follows
  Waiting waiting_;
};

}  // namespace turnpike::turn
