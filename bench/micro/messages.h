// SPDX-License-Identifier: Apache-2.0
//
// The messages of one client, as it would send them, for the benchmarks to feed.
#pragma once

#include <string>
#include <vector>

#include "stun/message.h"

namespace turnpike::micro {

using Datagram = std::vector<uint8_t>;

inline constexpr const char* kRealm = "turnpike";
inline constexpr const char* kUsername = "alice";
inline constexpr const char* kPassword = "an example's password";
inline constexpr size_t kDataSize = 160;  // bytes of application data: a voice packet

Endpoint at(const char* text);  // aborts when it is none
stun::LongTermKey key();        // of kUsername
stun::TransactionId transaction(uint64_t number);

// Signed with kUsername's key, REALM and `nonce` included.
Datagram allocate_request(const std::string& nonce, uint64_t number);
Datagram refresh_request(const std::string& nonce, uint64_t number, uint32_t lifetime);
Datagram permission_request(const std::string& nonce, uint64_t number, const Endpoint& peer);
Datagram channel_request(const std::string& nonce, uint64_t number, uint16_t channel, const Endpoint& peer);

Datagram unsigned_allocate_request();
Datagram binding_request();
Datagram send_indication(const Endpoint& peer);
Datagram channel_data(uint16_t channel);
Datagram application_data();

}  // namespace turnpike::micro
