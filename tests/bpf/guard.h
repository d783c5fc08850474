// SPDX-License-Identifier: Apache-2.0
//
// What the model refuses: sources before anything is looked up, strangers at a listening address, and what
// goes beyond a limit.
#pragma once

#include "journey.h"

namespace turnpike::bpf_test {

// kNoReason, or DROP_* for a packet to an address of ours (PASS_MALFORMED elsewhere).
tp_reason guard_source(const World& world, const Frame& in);
// For a packet that no binding wants: `reason`, ANSWERED_BINDING, DROP_*, or `checksum`, which is why it
// could not be answered.
tp_reason guard_listening(const World& world, const Frame& in, tp_reason reason, tp_reason checksum);
// kNoReason, or by which limit of the allocation in slot `refusing`, or of its user.
tp_reason guard_limits(const World& world, const Journey& journey, uint32_t& refusing);

}  // namespace turnpike::bpf_test
