// SPDX-License-Identifier: Apache-2.0
//
// Refresh (RFC 8656 §8.2).
#include "turn/allocate_wish.h"
#include "turn/server.h"

namespace turnpike::turn {

using stun::AttributeType;
using stun::StatusCode;

namespace {

bool asks_for_deletion(const stun::MessageView& message) {
  const auto lifetime = message.find(AttributeType::kLifetime);
  return lifetime && stun::read_u32(lifetime->value) == 0u;
}

Outcome check_family(const stun::MessageView& message, const Allocation& allocation) {
  const auto family = read_requested_family(message);
  // Here a family that nobody knows is one that does not match, not one that is not supported.
  const bool mismatch = family ? *family && **family != allocation.relayed.address.family()
                               : family.error().code == StatusCode::kAddressFamilyNotSupported;
  if (mismatch)
    return refuse(StatusCode::kPeerAddressFamilyMismatch, "family of no relayed address of the allocation");
  if (!family) return refuse(family);
  return {};
}

}  // namespace

Outcome Server::refresh(const Request& request, stun::MessageBuilder& answer) {
  const auto found = allocation_of(request);
  if (!found) return refuse(found);
  Allocation& allocation = **found;
  if (const Outcome family = check_family(request.message, allocation); !family) return family;

  if (asks_for_deletion(request.message)) {
    end_allocation(allocation, Event::Kind::kDeleted);
    answer.add_u32(AttributeType::kLifetime, 0);
    return {};
  }
  const auto lifetime = read_lifetime(request.message, options_);
  if (!lifetime) return refuse(lifetime);
  allocation.expires = request.now.monotonic + *lifetime;
  allocations_.ring_by(allocation, allocation.expires);
  commands_.push(SetAllocation{allocation});
  answer.add_u32(AttributeType::kLifetime, static_cast<uint32_t>(lifetime->count()));
  return {};
}

}  // namespace turnpike::turn
