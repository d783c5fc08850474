/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * What load.bpf.c and the load generator share. */
#ifndef TURNPIKE_LOAD_ABI_H
#define TURNPIKE_LOAD_ABI_H

#include <linux/types.h>

/* The first bytes of a frame, written anew for each: live frames are recycled pages, and whoever received one
 * may have rewritten its headers. Longer than Ethernet, IPv6, UDP and ChannelData headers together (66). */
#define LOAD_TEMPLATE_WORDS 9
#define LOAD_TEMPLATE_SIZE (LOAD_TEMPLATE_WORDS * 8)
#define LOAD_MAX_FLOWS 4096

struct load_template {
	__u64 words[LOAD_TEMPLATE_WORDS];
};

/* Per CPU. */
struct load_counter {
	__u64 packets;
};

#endif /* TURNPIKE_LOAD_ABI_H */
