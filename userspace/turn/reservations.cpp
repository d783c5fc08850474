// SPDX-License-Identifier: Apache-2.0
#include "turn/reservations.h"

#include <algorithm>

namespace turnpike::turn {

std::optional<Reservation> Reservations::redeem(const ReservationToken& token, std::string_view username) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Reservation& reservation) {
    return reservation.token == token && reservation.username == username;
  });
  if (found == waiting_.end()) return std::nullopt;
  Reservation redeemed = std::move(*found);
  waiting_.erase(found);
  return redeemed;
}

std::optional<Reservation> Reservations::take_expired(MonotonicTime now) {
  if (waiting_.empty() || waiting_.front().expires > now) return std::nullopt;
  Reservation expired = std::move(waiting_.front());
  waiting_.pop_front();
  return expired;
}

std::optional<MonotonicTime> Reservations::next_expiry() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().expires;
}

}  // namespace turnpike::turn
