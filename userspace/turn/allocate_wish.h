// SPDX-License-Identifier: Apache-2.0
//
// AllocateWish: what the attributes of an Allocate request ask for.
#pragma once

#include <optional>

#include "turn/allocation.h"
#include "turn/options.h"
#include "turn/request.h"

namespace turnpike::turn {

struct AllocateWish {
  AddressFamily family = AddressFamily::kIpv4;
  bool even_port = false;
  bool reserve_next = false;                // EVEN-PORT's R bit
  bool additional_ipv6 = false;             // ADDITIONAL-ADDRESS-FAMILY
  std::optional<ReservationToken> token{};  // RESERVATION-TOKEN
};

// Reads and checks the attributes in the order of RFC 8656 §7.2.
OrRefusal<AllocateWish> read_allocate_wish(const stun::MessageView& message);

// REQUESTED-ADDRESS-FAMILY; nullopt when absent. 400 or 440.
OrRefusal<std::optional<AddressFamily>> read_requested_family(const stun::MessageView& message);

// The lifetime to grant: what LIFETIME asks for within default..max, the default without it (RFC 8656 §7.2).
// 400 when it is malformed.
OrRefusal<Seconds> read_lifetime(const stun::MessageView& message, const Options& options);

}  // namespace turnpike::turn
