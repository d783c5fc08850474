// SPDX-License-Identifier: Apache-2.0
#include "turn/statistics.h"

namespace turnpike::turn {

const char* to_string(DropReason reason) {
  switch (reason) {
    case DropReason::kMalformedStun:
      return "malformed_stun";
    case DropReason::kMalformedChannelData:
      return "malformed_channel_data";
    case DropReason::kUnknownMethod:
      return "unknown_method";
    case DropReason::kNoAllocation:
      return "no_allocation";
    case DropReason::kNoPermission:
      return "no_permission";
    case DropReason::kChannelUnbound:
      return "channel_unbound";
    case DropReason::kPeerForbidden:
      return "peer_forbidden";
    case DropReason::kPeerFamily:
      return "peer_family";
    case DropReason::kTtlExceeded:
      return "ttl_exceeded";
    case DropReason::kUnknownAttribute:
      return "unknown_attribute";
    case DropReason::kNotListening:
      return "not_listening";
    case DropReason::kTooLarge:
      return "too_large";
    case DropReason::kAmplifying:
      return "amplifying";
    case DropReason::kBlocked:
      return "blocked";
    case DropReason::kSourceBudget:
      return "source_budget";
    case DropReason::kOverLimit:
      return "over_limit";
    case DropReason::kCount:
      break;
  }
  return "?";
}

}  // namespace turnpike::turn
