// SPDX-License-Identifier: Apache-2.0
#include "stun/channel_data.h"

namespace turnpike::stun {

bool looks_like_channel_data(Bytes datagram) {
  return !datagram.empty() && datagram[0] >> 6 == 1;
}

std::optional<ChannelData> parse_channel_data(Bytes datagram) {
  if (!looks_like_channel_data(datagram)) return std::nullopt;
  Reader reader(datagram);
  const ChannelNumber channel{reader.u16()};
  const Bytes data = reader.take(reader.u16());
  if (!reader.ok()) return std::nullopt;
  return ChannelData{channel, data};
}

}  // namespace turnpike::stun
