// SPDX-License-Identifier: Apache-2.0
//
// Allocate (RFC 8656 §7.2).
#include "turn/allocate_wish.h"
#include "turn/server.h"

namespace turnpike::turn {

using stun::AttributeType;
using stun::StatusCode;

namespace {

AllocationId random_id(Random& random) {
  AllocationId id;
  while (id.value == 0)
    id.value = random.u64();
  return id;
}

// ADDRESS-ERROR-CODE (RFC 8656 §18.12): family, reserved, class and number, reason phrase.
void add_ipv6_refused(stun::MessageBuilder& answer) {
  const std::string_view phrase = stun::reason_phrase(StatusCode::kAddressFamilyNotSupported);
  std::vector<uint8_t> value = {2, 0, 4, 40};
  value.insert(value.end(), phrase.begin(), phrase.end());
  answer.add(AttributeType::kAddressErrorCode, value);
}

}  // namespace

Outcome Server::allocate(const Request& request, stun::MessageBuilder& answer) {
  const std::string_view username = request.identity->username;
  if (const Allocation* existing = allocations_.find(request.five_tuple)) {
    if (existing->transaction_id != request.message.transaction_id())
      return refuse(StatusCode::kAllocationMismatch, "the 5-tuple has an allocation");
    if (existing->username != username)
      return refuse(StatusCode::kWrongCredentials, "another user's allocation");
    describe(*existing, answer);
    return {};
  }
  const auto wish = read_allocate_wish(request.message);
  if (!wish) return refuse(wish);
  const auto lifetime = read_lifetime(request.message, options_);
  if (!lifetime) return refuse(lifetime);
  const auto relayed = obtain_port(request, *wish);
  if (!relayed) return refuse(relayed);

  Allocation allocation;
  allocation.id = random_id(environment_.random);
  allocation.five_tuple = request.five_tuple;
  allocation.relayed = *relayed;
  allocation.username = username;
  allocation.created = request.now.monotonic;
  allocation.expires = request.now.monotonic + *lifetime;
  allocation.transaction_id = request.message.transaction_id();
  allocation.granted = *lifetime;
  if (wish->reserve_next) allocation.reserved = reserve(*relayed, username, request.now);
  allocation.additional_family_refused = wish->additional_ipv6;
  const Allocation& added = allocations_.add(std::move(allocation));

  commands_.push(SetAllocation{added});
  commands_.push(Event{Event::Kind::kAllocated, added.five_tuple, added.id, added.username});
  describe(added, answer);
  return {};
}

OrRefusal<Endpoint> Server::obtain_port(const Request& request, const AllocateWish& wish) {
  if (wish.token) return redeem_reservation(request, *wish.token);
  const auto relayed = claim_port(request, wish);
  if (relayed) commands_.push(OwnPort{*relayed});
  return relayed;
}

// The reservation's port and share of the quota go over to the new allocation. The port is steered anew:
// until now it was that of the worker that reserved it.
OrRefusal<Endpoint> Server::redeem_reservation(const Request& request, const ReservationToken& token) {
  const auto reservation =
      environment_.reservations.redeem(token, request.identity->username, request.now.monotonic);
  if (!reservation) return refuse(StatusCode::kInsufficientCapacity, "unknown reservation token");
  commands_.push(OwnPort{reservation->relayed});
  return reservation->relayed;
}

OrRefusal<Endpoint> Server::claim_port(const Request& request, const AllocateWish& wish) {
  std::vector<IpAddress> addresses;
  for (const RelayAddress& address : options_.relay_addresses)
    if (address.local.family() == wish.family) addresses.push_back(address.local);
  if (addresses.empty())
    return refuse(StatusCode::kAddressFamilyNotSupported, "no relay address of the family");

  const std::string_view username = request.identity->username;
  const PortShape shape = !wish.even_port     ? PortShape::kAny
                          : wish.reserve_next ? PortShape::kPair
                                              : PortShape::kEven;
  const unsigned count = shape == PortShape::kPair ? 2 : 1;
  if (const Outcome quota = acquire_quota(username, count); !quota) return refuse(quota);
  const size_t first = environment_.random.below(static_cast<uint32_t>(addresses.size()));
  for (size_t i = 0; i < addresses.size(); ++i) {
    const IpAddress& address = addresses[(first + i) % addresses.size()];
    if (const auto port = ports_.claim(address, shape)) return Endpoint{address, *port};
  }
  for (unsigned i = 0; i < count; ++i)
    environment_.quota.release(username);
  return refuse(StatusCode::kInsufficientCapacity, "no free relay port");
}

// All `count` of them or none.
Outcome Server::acquire_quota(std::string_view username, unsigned count) {
  for (unsigned acquired = 0; acquired < count; ++acquired) {
    const AllocationQuota::Verdict verdict = environment_.quota.acquire(username);
    if (verdict == AllocationQuota::Verdict::kGranted) continue;
    while (acquired-- > 0)
      environment_.quota.release(username);
    if (verdict == AllocationQuota::Verdict::kUserFull)
      return refuse(StatusCode::kAllocationQuotaReached, "the user's quota is reached");
    return refuse(StatusCode::kInsufficientCapacity, "the relay's limit of allocations is reached");
  }
  return {};
}

// Holds the odd port after `relayed`, which was claimed with it. The port is steered to us at once: nobody
// else on the host may take it meanwhile. It counts as an allocation of the user's, or a chain of
// reservations would be a way round the quota.
ReservationToken Server::reserve(const Endpoint& relayed, std::string_view username, const Now& now) {
  const Endpoint next{relayed.address, static_cast<uint16_t>(relayed.port + 1)};
  const MonotonicTime expires = now.monotonic + options_.reservation_lifetime;
  ReservationToken token;
  do {
    environment_.random.fill(token);
  } while (!environment_.reservations.add(token, {next, std::string(username), expires}));
  commands_.push(OwnPort{next});
  reserved_.push_back({token, expires});
  return token;
}

void Server::describe(const Allocation& allocation, stun::MessageBuilder& answer) const {
  answer.add_xor_address(AttributeType::kXorRelayedAddress, translation_.to_external(allocation.relayed));
  answer.add_u32(AttributeType::kLifetime, static_cast<uint32_t>(allocation.granted.count()));
  if (allocation.reserved) answer.add(AttributeType::kReservationToken, *allocation.reserved);
  answer.add_xor_address(AttributeType::kXorMappedAddress, allocation.five_tuple.client);
  if (allocation.additional_family_refused) add_ipv6_refused(answer);
}

}  // namespace turnpike::turn
