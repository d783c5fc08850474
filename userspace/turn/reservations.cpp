// SPDX-License-Identifier: Apache-2.0
#include "turn/reservations.h"

namespace turnpike::turn {

bool Reservations::add(const ReservationToken& token, Reservation reservation) {
  const std::lock_guard lock(mutex_);
  return waiting_.try_emplace(token, std::move(reservation)).second;
}

std::optional<Reservation> Reservations::redeem(const ReservationToken& token, std::string_view username,
                                                MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(token);
  if (found == waiting_.end() || found->second.username != username || found->second.expires <= now)
    return std::nullopt;
  return take(found);
}

std::optional<Reservation> Reservations::end(const ReservationToken& token) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(token);
  if (found == waiting_.end()) return std::nullopt;
  return take(found);
}

std::optional<Reservation> Reservations::take(Waiting::iterator found) {
  return std::move(waiting_.extract(found).mapped());
}

}  // namespace turnpike::turn
