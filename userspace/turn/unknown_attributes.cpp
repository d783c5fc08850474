// SPDX-License-Identifier: Apache-2.0
#include "turn/unknown_attributes.h"

#include <algorithm>

namespace turnpike::turn {
namespace {

// Every one that a client may send, whatever the method: an attribute out of place is ignored.
bool understood(stun::AttributeType type) {
  using enum stun::AttributeType;
  switch (type) {
    case kMappedAddress:
    case kUsername:
    case kMessageIntegrity:
    case kErrorCode:
    case kUnknownAttributes:
    case kChannelNumber:
    case kLifetime:
    case kXorPeerAddress:
    case kData:
    case kRealm:
    case kNonce:
    case kXorRelayedAddress:
    case kRequestedAddressFamily:
    case kEvenPort:
    case kRequestedTransport:
    case kDontFragment:
    case kMessageIntegritySha256:
    case kXorMappedAddress:
    case kReservationToken:
    case kPriority:
    case kUseCandidate:
      return true;
    default:
      return false;
  }
}

}  // namespace

UnknownAttributes::UnknownAttributes(const stun::MessageView& message) {
  constexpr uint16_t kFirstOptional = 0x8000;
  for (const stun::Attribute& attribute : message.attributes()) {
    const auto type = static_cast<uint16_t>(attribute.type);
    const auto seen = types_.begin() + count_;
    if (type >= kFirstOptional || understood(attribute.type)) continue;
    if (std::find(types_.begin(), seen, type) == seen) types_[count_++] = type;
  }
}

}  // namespace turnpike::turn
