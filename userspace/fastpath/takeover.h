// SPDX-License-Identifier: Apache-2.0
//
// Whether the pins of an earlier process can be gone on with, and its end when not. map-control is there
// before any other pin, and says of which ABI they are.
#pragma once

#include <string>

#include "util/result.h"

namespace turnpike::fastpath {

// What keeps those in `directory` from being taken over: "pins of ABI 1, this relay's is 2", ...; empty when
// nothing does.
Result<std::string> fault_of_pins(const std::string& directory);

// Makes map-control in a directory without pins.
Result<void> mark_abi(const std::string& directory);

// Takes the XDP program of an earlier process off the interfaces that have a pin in `directory`.
void take_off_interfaces(const std::string& directory);

// That, and forgets all that it might forward, and the neighbours that it kept resolved: this process has no
// fast path. Steering and records stay.
Result<void> end_forwarding(const std::string& directory);

}  // namespace turnpike::fastpath
