// SPDX-License-Identifier: Apache-2.0
//
// The messages that carry application data between a client and its relay.
#pragma once

#include <optional>
#include <vector>

#include "util/bytes.h"
#include "util/endpoint.h"

namespace turnpike::load {

std::vector<uint8_t> channel_data(uint16_t channel, Bytes data);
// With a transaction id that is the same for all: it masks IPv6 addresses, and frames differ in ports alone.
std::vector<uint8_t> send_indication(const Endpoint& peer, Bytes data);

// The application data of ChannelData or a Data indication, else the datagram itself; borrows the datagram.
Bytes application_data(Bytes datagram);

}  // namespace turnpike::load
