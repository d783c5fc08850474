/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Sixteen-byte addresses and endpoints. They are copied and compared by words; abi.h declares bytes. */
#ifndef TURNPIKE_BPF_ADDRESS_H
#define TURNPIKE_BPF_ADDRESS_H

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

typedef __u32 __attribute__((may_alias)) address_word;

static __always_inline void copy_address(void *to, const void *from)
{
	for (int i = 0; i < 4; i++)
		((address_word *)to)[i] = ((const address_word *)from)[i];
}

static __always_inline void set_mapped(__u8 *to, __be32 ipv4)
{
	((address_word *)to)[0] = 0;
	((address_word *)to)[1] = 0;
	((address_word *)to)[2] = bpf_htonl(0xffff);
	((address_word *)to)[3] = ipv4;
}

static __always_inline _Bool is_mapped(const __u8 *address)
{
	const address_word *word = (const address_word *)address;

	return (word[0] | word[1]) == 0 && word[2] == bpf_htonl(0xffff);
}

static __always_inline void copy_endpoint(struct tp_endpoint *to, const struct tp_endpoint *from)
{
	copy_address(to->address, from->address);
	to->port = from->port;
}

static __always_inline _Bool same_endpoint(const struct tp_endpoint *endpoint, const __u8 *address, __be16 port)
{
	const address_word *ours = (const address_word *)endpoint->address;
	const address_word *theirs = (const address_word *)address;
	__u32 difference = endpoint->port ^ port;

	for (int i = 0; i < 4; i++)
		difference |= ours[i] ^ theirs[i];
	return difference == 0;
}

#endif /* TURNPIKE_BPF_ADDRESS_H */
