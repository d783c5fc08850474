// SPDX-License-Identifier: Apache-2.0
//
// What is kept of a session outside the process, so that a restarted relay has it again. All addresses are
// those on the host's interfaces; times live as long as the boot (CLOCK_MONOTONIC). Keys are not kept: they
// follow from the user name and the configuration at each request.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "util/relay_types.h"

namespace turnpike {

struct SessionRecord {
  AllocationId id;
  FiveTuple five_tuple;
  Endpoint relayed;
  std::string username;  // at most 508 bytes (RFC 8489 §14.3)
  MonotonicTime created;
  MonotonicTime expires;
  // What the Allocate was and was answered, for its retransmissions.
  std::array<uint8_t, 12> transaction_id{};
  Seconds granted{};
  std::optional<std::array<uint8_t, 8>> reserved;
  bool additional_family_refused = false;
  bool operator==(const SessionRecord&) const = default;
};

struct PermissionRecord {
  IpAddress peer;
  MonotonicTime expires;
  bool operator==(const PermissionRecord&) const = default;
};

struct ChannelRecord {
  ChannelNumber number;
  Endpoint peer;
  MonotonicTime expires;  // of the rest, when it rests
  bool resting = false;
  bool operator==(const ChannelRecord&) const = default;
};

struct SavedSession {
  SessionRecord session;
  RelayCounters slow;
  std::vector<PermissionRecord> permissions;
  std::vector<ChannelRecord> channels;
  bool operator==(const SavedSession&) const = default;
};

}  // namespace turnpike
