// SPDX-License-Identifier: Apache-2.0
//
// What the program did against what the model says.
#pragma once

#include "model.h"
#include "relay_program.h"

namespace turnpike::bpf_test {

// Verdict and every byte; of a dropped packet nothing is left to compare.
void expect_outcome(const Outcome& outcome, const Expected& expected);
// But for last_seen, which is set when something was relayed.
void expect_same(const tp_allocation_counters& counters, const tp_allocation_counters& expected);
// CLOCK_MONOTONIC, ns.
uint64_t monotonic_now();
// CLOCK_MONOTONIC_COARSE, ns: what expiries are held against, and what a flow without limits is stamped with.
uint64_t coarse_now();

}  // namespace turnpike::bpf_test
