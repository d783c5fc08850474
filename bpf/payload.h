/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Reading the UDP payload, each time within bounds that the verifier sees. */
#ifndef TURNPIKE_BPF_PAYLOAD_H
#define TURNPIKE_BPF_PAYLOAD_H

#include "parse.h"

#define LONGEST_HEADERS 127 /* Ethernet, two tags, IPv6 and UDP have 70 bytes; a mask for the verifier */

/* The cursor that parse_packet() left, for a function that is verified by itself. */
static __always_inline struct cursor find_payload(struct xdp_md *ctx, const struct packet *packet)
{
	__u32 headers = packet->headers;

	/* Without this the compiler masks the sum of both instead, or nothing. */
	asm volatile("" : "+r"(headers));
	headers &= LONGEST_HEADERS;
	return (struct cursor){(void *)(long)ctx->data + headers, (void *)(long)ctx->data_end};
}

/* True when the UDP payload begins with `size` bytes, and the verifier knows it. */
static __always_inline _Bool payload_has(const struct cursor *payload, const struct packet *packet,
					 __u32 size)
{
	return packet->udp_length >= sizeof(struct udphdr) + size && payload->position + size <= payload->end;
}

/* The `size` bytes at `offset` from the cursor; null when the frame ends before. Who asks has compared lengths:
 * the verifier forgets that, and wants a bound on the register that it adds. */
static __always_inline const void *payload_at(const struct cursor *payload, __u32 offset, __u32 size)
{
	const void *at;

	asm volatile("" : "+r"(offset));
	offset &= LARGEST_PACKET;
	at = payload->position + offset;
	return at + size <= payload->end ? at : (void *)0;
}

#endif /* TURNPIKE_BPF_PAYLOAD_H */
