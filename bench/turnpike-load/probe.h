// SPDX-License-Identifier: Apache-2.0
//
// Probes: one datagram through each binding before it is measured.
#pragma once

#include <functional>
#include <vector>

#include "port_space.h"

namespace turnpike::load {

struct ProbeDatagram {
  Endpoint from;
  Endpoint to;
  std::vector<uint8_t> datagram;
};

// The datagram that takes `data` through binding `i`.
using MakeProbe = std::function<ProbeDatagram(size_t i, Bytes data)>;

// Sends one through each of `count` bindings, again where it was lost (the first ones may be, to address
// resolution). kNotFound, saying how many and what may be wrong, when some still do not come through.
Result<void> probe_all(const char* path, Lane& from, Lane& to, size_t count, const MakeProbe& make);

}  // namespace turnpike::load
