// SPDX-License-Identifier: Apache-2.0
#include "stun/constants.h"

namespace turnpike::stun {

const char* reason_phrase(StatusCode code) {
  switch (code) {
    case StatusCode::kTryAlternate:
      return "Try Alternate";
    case StatusCode::kBadRequest:
      return "Bad Request";
    case StatusCode::kUnauthenticated:
      return "Unauthenticated";
    case StatusCode::kForbidden:
      return "Forbidden";
    case StatusCode::kUnknownAttribute:
      return "Unknown Attribute";
    case StatusCode::kAllocationMismatch:
      return "Allocation Mismatch";
    case StatusCode::kStaleNonce:
      return "Stale Nonce";
    case StatusCode::kAddressFamilyNotSupported:
      return "Address Family not Supported";
    case StatusCode::kWrongCredentials:
      return "Wrong Credentials";
    case StatusCode::kUnsupportedTransportProtocol:
      return "Unsupported Transport Protocol";
    case StatusCode::kPeerAddressFamilyMismatch:
      return "Peer Address Family Mismatch";
    case StatusCode::kAllocationQuotaReached:
      return "Allocation Quota Reached";
    case StatusCode::kServerError:
      return "Server Error";
    case StatusCode::kInsufficientCapacity:
      return "Insufficient Capacity";
  }
  return "";
}

}  // namespace turnpike::stun
