// SPDX-License-Identifier: Apache-2.0
//
// ChannelData messages over UDP (RFC 8656 §12.4): channel number, length, application data, padding optional.
#pragma once

#include <optional>

#include "util/bytes.h"
#include "util/relay_types.h"

namespace turnpike::stun {

inline constexpr size_t kChannelDataHeaderSize = 4;

struct ChannelData {
  ChannelNumber channel;
  Bytes data;  // borrows the datagram
};

// True when the first two bits say channel (RFC 7983 §7: 64-79; RFC 5766 clients: up to 127).
bool looks_like_channel_data(Bytes datagram);
// nullopt when the length field passes the datagram's end; bytes after the data are padding and ignored.
std::optional<ChannelData> parse_channel_data(Bytes datagram);

}  // namespace turnpike::stun
