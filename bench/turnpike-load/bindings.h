// SPDX-License-Identifier: Apache-2.0
//
// Which client and which peer each measured binding joins.
#pragma once

#include <vector>

#include "options.h"

namespace turnpike::load {

struct Binding {
  unsigned client = 0;   // index of an allocation
  unsigned partner = 0;  // index of the receiving client's allocation; kHairpin only
  uint16_t number = 0;   // of this client's bindings: channel kFirstChannel + number, peer's port + number
};

// Binding i is of client i % flows; in a hairpin client c's n-th partner is client flows + (c + n) % flows,
// so that no pair comes twice. `options` were checked.
std::vector<Binding> plan_bindings(const RelayOptions& options);
unsigned clients_needed(const RelayOptions& options);

// `active` of them, evenly spread.
std::vector<Binding> active_bindings(const std::vector<Binding>& all, unsigned active);

}  // namespace turnpike::load
