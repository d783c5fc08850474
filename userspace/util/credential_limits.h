// SPDX-License-Identifier: Apache-2.0
//
// What usernames and realms may be: the rules that configuration, authentication and the answers share.
#pragma once

#include <cstddef>
#include <string_view>

namespace turnpike {

inline constexpr size_t kMaxUsername = 508;  // bytes, RFC 8489 §14.3

// Bytes. RFC 8489 §14.9 allows more, but the first answer to a stranger must not amplify: an Allocate of 28
// bytes (header, REQUESTED-TRANSPORT) may draw three times as many, and its shortest 401 is a header of 20,
// ERROR-CODE of 8, NONCE of 20 and REALM of 4 + 32.
inline constexpr size_t kMaxRealm = 32;

// 1 to kMaxUsername bytes. Control characters (C0, DEL and C1) never pass OpaqueString (RFC 8265 §4.2) and
// would reach logs and terminals.
bool is_well_formed_username(std::string_view username);

}  // namespace turnpike
