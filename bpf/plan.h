/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * struct rewrite: what the packet becomes, where it goes and who is charged. Look-ups fill it, rewrite.h
 * carries it out. It holds no pointers, for the verifier forgets those that a function has had in its hands. */
#ifndef TURNPIKE_BPF_PLAN_H
#define TURNPIKE_BPF_PLAN_H

#include "maps.h"
#include "parse.h"

/* The longest framing that is written: STUN header, IPv6 XOR-PEER-ADDRESS, header of DATA. */
#define FRAMING_WORDS 12

#define NO_ALLOCATION 0xffffffff

struct rewrite {
	struct tp_endpoint source;
	struct tp_endpoint destination;
	struct tp_endpoint peer; /* that a client is told it comes from, as on the interface */
	struct tp_next_hop next_hop;
	__u64 now; /* CLOCK_MONOTONIC, ns; behind by up to a tick of the kernel, unless `limited` */
	/* By enum tp_direction: who lets it through and is charged, both in a hairpin; NO_ALLOCATION: nobody. */
	__u32 allocations[2];
	__u32 next_hop_slot;
	__u32 framing[FRAMING_WORDS]; /* before the data, as on the wire */
	__u16 framing_size;           /* bytes */
	__u16 ip_length;              /* of the whole IP packet */
	__u16 udp_length;
	__be16 channel; /* of the client that it goes to; 0: none, it gets a Data indication */
	__u8 padding;   /* zeros after the data: 0-3 */
	__u8 kind;      /* of the binding that the packet itself was found by: enum tp_binding_kind */
	__u8 flags;     /* of the binding that names the peer: enum tp_binding_flags */
	__u8 hops;      /* by which the TTL goes down */
	_Bool ipv4;     /* the outgoing family */
	_Bool limited;  /* an allocation, or its user, has limits */
	_Bool answer;   /* it goes back to who sent it */
} __attribute__((aligned(8)));

static __always_inline _Bool goes_to_peer(const struct rewrite *rewrite)
{
	return rewrite->allocations[TP_TO_PEER] != NO_ALLOCATION;
}

static __always_inline _Bool goes_to_client(const struct rewrite *rewrite)
{
	return rewrite->allocations[TP_TO_CLIENT] != NO_ALLOCATION;
}

static __always_inline _Bool limits(const struct tp_policer *policer)
{
	return (policer->byte_cost | policer->packet_cost | policer->quota) != 0;
}

static __always_inline struct tp_control *find_control(void)
{
	__u32 slot = 0;

	return bpf_map_lookup_elem(&control, &slot);
}

static __always_inline __u32 load_u32(const __u32 *from)
{
	return *(const volatile __u32 *)from;
}

static __always_inline __u64 load_u64(const __u64 *from)
{
	return *(const volatile __u64 *)from;
}

#endif /* TURNPIKE_BPF_PLAN_H */
