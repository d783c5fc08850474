/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The generic cell rate algorithm of abi.h: a bucket is one word, when it will be full again, in ticks. Several
 * CPUs and the slow path share it. Who finds the last room at the same moment takes it twice; what was too much
 * is missing afterwards. */
#ifndef TURNPIKE_BPF_GCRA_H
#define TURNPIKE_BPF_GCRA_H

#include "plan.h"

static __always_inline __u64 ticks_at(__u64 nanoseconds)
{
	return nanoseconds << TP_TICK_SHIFT;
}

static __always_inline _Bool conforms(const __u64 *at, __u64 burst, __u64 now)
{
	return load_u64(at) <= now + burst;
}

/* Gives what stood there before, which is another each time. A bucket that is full counts from now; when
 * another CPU was faster to say so, its now serves as well. */
static __always_inline __u64 spend(__u64 *at, __u64 now, __u64 cost)
{
	__u64 before = load_u64(at);

	if (before < now)
		__sync_val_compare_and_swap(at, before, now);
	return __sync_fetch_and_add(at, cost);
}

#endif /* TURNPIKE_BPF_GCRA_H */
