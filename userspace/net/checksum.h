// SPDX-License-Identifier: Apache-2.0
//
// The Internet checksum (RFC 1071) over several pieces. UDP's is in raw_egress.h.
#pragma once

#include <cstdint>

#include "util/bytes.h"

namespace turnpike::net {

// The ones' complement sum of big-endian 16-bit words, not yet folded; a last odd byte counts as the upper
// half of a word. Only the last piece of a sum may have an odd size.
uint64_t add_words(uint64_t sum, Bytes bytes);

// Of a sum of words; host order.
uint16_t internet_checksum(uint64_t sum);

}  // namespace turnpike::net
