// SPDX-License-Identifier: Apache-2.0
//
// Frames: a UDP datagram as it stands on an Ethernet, with every checksum filled in.
#pragma once

#include <optional>
#include <vector>

#include "net/rtnetlink.h"
#include "util/endpoint.h"

namespace turnpike::load {

struct FrameSpec {
  net::MacAddress source_mac{};
  net::MacAddress destination_mac{};
  Endpoint source;  // both of one family
  Endpoint destination;
  std::optional<uint16_t> channel;  // a ChannelData header of this number before the payload
  uint16_t payload_size = 0;        // bytes of application data: the same in each frame
};

// UDP length field of such a datagram.
uint16_t udp_length(uint16_t payload_size, bool with_channel);
std::vector<uint8_t> build_frame(const FrameSpec& spec);

}  // namespace turnpike::load
