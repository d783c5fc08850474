// SPDX-License-Identifier: Apache-2.0
//
// Allocation: one at a relay, as its client knows it (RFC 8656 §5).
#pragma once

#include <cstdint>
#include <string>

#include "util/endpoint.h"

namespace turnpike::load {

struct Allocation {
  Endpoint local;
  Endpoint relayed;
  uint32_t lifetime = 0;  // seconds, as the relay last said
  std::string nonce;      // that the relay gave to this client
};

}  // namespace turnpike::load
