/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Which UDP ports are the relay's. Two programs read it, and userspace makes it one map for both. It sets
 * max_entries before it loads. */
#ifndef TURNPIKE_BPF_STEER_MAP_H
#define TURNPIKE_BPF_STEER_MAP_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct tp_steer_key);
	__type(value, struct tp_steer);
} steer SEC(".maps");

#endif /* TURNPIKE_BPF_STEER_MAP_H */
