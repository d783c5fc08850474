// SPDX-License-Identifier: Apache-2.0
//
// Reservations: odd ports held for a second Allocate of the same user (RFC 8656 §7.2, EVEN-PORT's R bit).
// All live equally long, so they end in the order in which they were made.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "turn/allocation.h"

namespace turnpike::turn {

struct Reservation {
  ReservationToken token;
  Endpoint relayed;
  std::string username;
  MonotonicTime expires;
};

class Reservations {
 public:
  void add(Reservation reservation) { waiting_.push_back(std::move(reservation)); }
  // The reservation of that token and user, which then is no longer one.
  std::optional<Reservation> redeem(const ReservationToken& token, std::string_view username);
  // One whose time is over at `now`.
  std::optional<Reservation> take_expired(MonotonicTime now);
  std::optional<MonotonicTime> next_expiry() const;

 private:
  std::deque<Reservation> waiting_;
};

}  // namespace turnpike::turn
