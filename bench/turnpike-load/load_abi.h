/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * What load.bpf.c and the load generator share. */
#ifndef TURNPIKE_LOAD_ABI_H
#define TURNPIKE_LOAD_ABI_H

#include <linux/types.h>

#define LOAD_MAX_BINDINGS 1048576
#define LOAD_MAX_ROUTES 16  /* pairs of addresses that the frames of one measurement go between */
#define LOAD_MAX_SIZES 4    /* datagram sizes of a profile */
#define LOAD_PATTERN 8      /* datagrams after which a profile's sizes come again */
#define LOAD_MAX_SOCKETS 64 /* that share the ports of a port space */

/* The first bytes of a frame, written anew for each: live frames are recycled pages, and whoever received one
 * may have rewritten its headers. As long as Ethernet, IPv6, UDP, a Send indication's headers and a payload's
 * mark together (126). */
#define LOAD_HEAD_WORDS 16

/* Of one route and one size. What differs from binding to binding is zero in it. */
struct load_head {
	__u64 words[LOAD_HEAD_WORDS];
	__u32 surplus;  /* by how much every frame, which starts as one of the largest size, is too long */
	__u32 checksum; /* ones' complement sum of the UDP datagram and its pseudo-header, folded, not inverted;
			 * in the byte order of the wire */
};

/* What differs, as on the wire. Eight bytes, so that a quarter of a million of them are read in order from
 * few cache lines: the generator's cost must not grow with the relay's bindings. */
struct load_binding {
	__be16 source_port;
	__be16 destination_port; /* right after the source port, as in a UDP header */
	__be16 selector;         /* a channel, or the port in XOR-PEER-ADDRESS; unused in plain datagrams */
	__u16 route;             /* below LOAD_MAX_ROUTES */
};

/* Every payload starts with this. */
struct load_mark {
	__u64 magic;
	__u64 time; /* CLOCK_MONOTONIC in ns, or 0; the host's byte order */
};
#define LOAD_MAGIC 0x656b69706e727574ull /* "turnpike" in little-endian */

/* What a measured datagram is where it is counted. */
enum load_form {
	LOAD_PLAIN = 0,      /* the payload alone, at the peer */
	LOAD_CHANNEL = 1,    /* ChannelData */
	LOAD_INDICATION = 2, /* a Data indication (where it is generated: a Send indication) */
};

/* Per CPU: the bindings first, first + step, …, of which `next` is the next one. */
struct load_generator {
	__u32 first;
	__u32 step;
	__u32 next;
	__u32 phase; /* of the pattern of sizes */
	__u32 round; /* how often all bindings had their turn */
	__u32 unused; /* a per-CPU value's size is a multiple of eight */
};

/* Per CPU. */
struct load_counter {
	__u64 packets;
	__u64 bytes; /* of application data */
};

/* A histogram of 64-bit values: exact below 32, then 32 buckets to a power of two, so that a bucket's middle
 * is within 1.6 % of each of its values. Values from 2^40 (18 minutes in ns) on count in the last bucket. */
#define LOAD_SUB_BUCKET_BITS 5
#define LOAD_SUB_BUCKETS (1 << LOAD_SUB_BUCKET_BITS)
#define LOAD_VALUE_BITS 40
#define LOAD_BUCKETS ((LOAD_VALUE_BITS - LOAD_SUB_BUCKET_BITS + 1) * LOAD_SUB_BUCKETS)

static inline __attribute__((always_inline)) __u32 load_bucket_of(__u64 value)
{
	__u32 shift = 0;

	if (value >> LOAD_VALUE_BITS)
		return LOAD_BUCKETS - 1;
	for (__u32 step = 32; step; step /= 2) /* a binary search for the highest bit */
		if (value >> shift >> step >= LOAD_SUB_BUCKETS)
			shift += step;
	return shift * LOAD_SUB_BUCKETS + (__u32)(value >> shift);
}

#endif /* TURNPIKE_LOAD_ABI_H */
