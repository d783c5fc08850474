// SPDX-License-Identifier: Apache-2.0
//
// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF") over 64-bit words: a hash whose
// collisions nobody can compute who does not know the key.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace turnpike {

using SipHashKey = std::array<uint64_t, 2>;

// The hash of the words' little-endian bytes.
uint64_t siphash_1_3(const SipHashKey& key, std::span<const uint64_t> words);

// Random, and the same for the life of the process. Any thread.
const SipHashKey& process_hash_key();

}  // namespace turnpike
