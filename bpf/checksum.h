/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The Internet checksum (RFC 1071) and its update (RFC 1624). Sums are plain additions of wire-order words in
 * 64 bits: the ones' complement sum does not mind the width of a word nor, folded, the byte order. A mapped
 * prefix adds 0xffff, which is 0 in ones' complement: sixteen-byte addresses serve IPv4 too. */
#ifndef TURNPIKE_BPF_CHECKSUM_H
#define TURNPIKE_BPF_CHECKSUM_H

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/in.h>

typedef __u32 __attribute__((may_alias)) checksum_word;

static __always_inline __u64 sum_words(const void *from, int words)
{
	const checksum_word *word = from;
	__u64 sum = 0;

	for (int i = 0; i < words; i++)
		sum += word[i];
	return sum;
}

/* `sum` < 2^48. Gives 0 for 0 alone, else 1..0xffff. */
static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* RFC 768, RFC 8200 §8.1. `length` in host order. */
static __always_inline __u64 sum_pseudo_header(const __u8 *source, const __u8 *destination, __u16 length)
{
	return sum_words(source, 4) + sum_words(destination, 4) + bpf_htons(length) + bpf_htons(IPPROTO_UDP);
}

/* 0 in ones' complement, and more than any sum of words of a header. */
#define CHECKSUM_ZERO (0xffffULL << 32)

/* What stands in the packet instead of `check` when words of sum `removed` gave way to words of sum `added`.
 * A computed 0 would mean "none" (RFC 768), so it is sent as 0xffff. */
static __always_inline __u16 update_checksum(__u16 check, __u64 removed, __u64 added)
{
	__u16 updated = ~fold((__u16)~check + added + (CHECKSUM_ZERO - removed));

	return updated ? updated : 0xffff;
}

#endif /* TURNPIKE_BPF_CHECKSUM_H */
