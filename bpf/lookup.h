/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * From the packet to `struct rewrite`: what it becomes, where it goes and who is charged. Nothing is written
 * to the frame. */
#ifndef TURNPIKE_BPF_LOOKUP_H
#define TURNPIKE_BPF_LOOKUP_H

#include "maps.h"
#include "parse.h"

#define STUN_HEADER_SIZE    20
#define STUN_MAGIC_COOKIE   bpf_htonl(0x2112a442)
#define CHANNEL_HEADER_SIZE 4
#define NO_BINDING          0xffffffff

/* Keeps the loads of a slot's fields between the two loads of its generation. A barrier of the compiler is
 * all that x86 needs, which does not reorder loads; a weakly ordered processor needs load-acquire (-mcpu=v4).
 */
#define slot_barrier() asm volatile("" ::: "memory")

struct channel_header {
	__be16 channel;
	__be16 length;
};

/* What the packet becomes. */
struct rewrite {
	struct tp_endpoint source;
	struct tp_endpoint destination;
	struct tp_next_hop next_hop;
	__u64 now; /* CLOCK_MONOTONIC, ns */
	__u32 next_hop_slot;
	__u32 to_peer_binding; /* whose counters move; NO_BINDING: none */
	__u32 to_client_binding;
	__u32 allocation;
	__u32 flags;     /* of the binding: enum tp_binding_flags */
	__be16 channel;  /* of the ChannelData header to write; 0: none */
	__u16 ip_length; /* of the whole IP packet */
	__u16 udp_length;
	__u8 hops;  /* by which the TTL goes down */
	_Bool ipv4; /* the outgoing family */
};

static __always_inline __u32 load_u32(const __u32 *from)
{
	return *(const volatile __u32 *)from;
}

/* True when the UDP payload holds `size` bytes, and the verifier knows it. */
static __always_inline _Bool payload_has(const struct packet *packet, __u32 size)
{
	return packet->udp_length >= sizeof(struct udphdr) + size && packet->payload + size <= packet->end;
}

static __always_inline _Bool is_stun(const struct packet *packet)
{
	const __u8 *byte = packet->payload;

	/* RFC 8489 §5: two zero bits, and the cookie in the second word. */
	return payload_has(packet, STUN_HEADER_SIZE) && (byte[0] & 0xc0) == 0 &&
	       *(const checksum_word *)(byte + 4) == STUN_MAGIC_COOKIE;
}

/* One probe for what comes from a client, one for nearly all that comes from a peer: only a peer's payload
 * that happens to begin like ChannelData needs two. STUN is told apart after the probe, for a peer's ICE
 * checks come to a relay port and are data like any other. */
static __always_inline enum tp_reason find_flow(struct packet *packet, const struct tp_flow **flow)
{
	const struct channel_header *header = packet->payload;

	if (payload_has(packet, sizeof(*header)) &&
	    (header->channel & bpf_htons(0xc000)) == bpf_htons(0x4000)) {
		packet->key.channel = header->channel;
		*flow = bpf_map_lookup_elem(&flows, &packet->key);
		if (*flow)
			return NO_REASON;
		packet->key.channel = 0;
	}
	*flow = bpf_map_lookup_elem(&flows, &packet->key);
	if (*flow)
		return NO_REASON;
	return is_stun(packet) ? TP_PASS_STUN : TP_PASS_NO_FLOW;
}

/* How much of the UDP payload is application data. RFC 8656 §12.5: ChannelData over UDP may be padded to a
 * multiple of four; more than that is not a client's padding, and for the slow path to judge. */
static __always_inline enum tp_reason measure_data(struct packet *packet)
{
	const struct channel_header *header = packet->payload;
	__u32 present = packet->udp_length - sizeof(struct udphdr);
	__u32 length;

	if (packet->key.channel == 0) {
		packet->data = present;
		return NO_REASON;
	}
	if (!payload_has(packet, sizeof(*header)))
		return TP_PASS_CHANNEL_LENGTH;
	length = bpf_ntohs(header->length);
	present -= sizeof(*header);
	if (length > present || present - length > 3)
		return TP_PASS_CHANNEL_LENGTH;
	packet->data = length;
	packet->padding = present - length;
	return NO_REASON;
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

/* An element of `flows` may be given to another flow while we hold it (BPF_F_NO_PREALLOC memory is recycled
 * without a grace period), and then names a slot that is valid, but another's: the slot must be for `key`. */
static __always_inline _Bool is_for(const struct tp_binding *binding, const struct tp_flow_key *key)
{
	if (key->channel)
		return binding->channel == key->channel &&
		       same_endpoint(&binding->client, key->remote, key->remote_port) &&
		       same_endpoint(&binding->server, key->local, key->local_port);
	return same_endpoint(&binding->peer, key->remote, key->remote_port) &&
	       same_endpoint(&binding->relayed, key->local, key->local_port);
}

/* The half of a binding that a packet in one direction needs, and only if the slot is what `flow`, found by
 * `key`, meant. */
static __always_inline enum tp_reason use_binding(const struct tp_flow *flow, const struct tp_flow_key *key,
						  struct rewrite *rewrite)
{
	__u32 slot = flow->binding, generation = flow->generation;
	const struct tp_binding *binding = bpf_map_lookup_elem(&bindings, &slot);
	__u64 channel_expires, permission_expires;

	if (!binding || generation == 0 || load_u32(&binding->generation) != generation)
		return TP_PASS_STALE;
	slot_barrier();
	if (!is_for(binding, key))
		return TP_PASS_STALE;
	channel_expires = binding->channel_expires;
	permission_expires = binding->permission_expires;
	rewrite->allocation = binding->allocation;
	rewrite->flags = binding->flags;
	if (key->channel == 0) {
		copy_endpoint(&rewrite->source, &binding->server);
		copy_endpoint(&rewrite->destination, &binding->client);
		rewrite->next_hop_slot = binding->client_next_hop;
		rewrite->channel = binding->channel;
		rewrite->to_client_binding = slot;
	} else {
		copy_endpoint(&rewrite->source, &binding->relayed);
		copy_endpoint(&rewrite->destination, &binding->peer);
		rewrite->next_hop_slot = binding->peer_next_hop;
		rewrite->to_peer_binding = slot;
	}
	slot_barrier();
	if (load_u32(&binding->generation) != generation)
		return TP_PASS_STALE;
	if (rewrite->now >= channel_expires)
		return TP_PASS_CHANNEL_EXPIRED;
	if (rewrite->now >= permission_expires)
		return TP_PASS_PERMISSION_EXPIRED;
	return NO_REASON;
}

static __always_inline enum tp_reason check_allocation(const struct rewrite *rewrite)
{
	const struct tp_allocation *allocation = bpf_map_lookup_elem(&allocations, &rewrite->allocation);

	if (!allocation || rewrite->now >= *(const volatile __u64 *)&allocation->expires)
		return TP_PASS_ALLOCATION_EXPIRED;
	return NO_REASON;
}

static __always_inline enum tp_reason follow(const struct tp_flow *flow, const struct tp_flow_key *key,
					     struct rewrite *rewrite)
{
	enum tp_reason reason = use_binding(flow, key, rewrite);

	return reason != NO_REASON ? reason : check_allocation(rewrite);
}

/* The peer is another client of this relay: go on as if the datagram had just come to its relayed address.
 * The slow path relays it twice, and takes one off the TTL each time. */
static __always_inline enum tp_reason follow_hairpin(struct rewrite *rewrite)
{
	struct tp_flow_key key __attribute__((aligned(8))) = {};
	const struct tp_flow *flow;

	copy_address(key.remote, rewrite->source.address);
	copy_address(key.local, rewrite->destination.address);
	key.remote_port = rewrite->source.port;
	key.local_port = rewrite->destination.port;
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow)
		return TP_PASS_HAIRPIN_NO_CHANNEL;
	rewrite->hops = 2;
	return follow(flow, &key, rewrite);
}

static __always_inline enum tp_reason find_rewrite(struct packet *packet, struct rewrite *rewrite)
{
	const struct tp_flow *flow = (void *)0;
	enum tp_reason reason;

	reason = find_flow(packet, &flow);
	if (reason != NO_REASON)
		return reason;
	reason = measure_data(packet);
	if (reason != NO_REASON)
		return reason;
	rewrite->now = bpf_ktime_get_ns();
	rewrite->hops = 1;
	rewrite->to_peer_binding = NO_BINDING;
	rewrite->to_client_binding = NO_BINDING;
	reason = follow(flow, &packet->key, rewrite);
	if (reason != NO_REASON || packet->key.channel == 0 || !(rewrite->flags & TP_BINDING_PEER_IS_RELAYED))
		return reason;
	return follow_hairpin(rewrite);
}

/* Later than the checks that need no memory but the packet's own. */
static __always_inline enum tp_reason find_next_hop(struct rewrite *rewrite)
{
	const struct tp_next_hop *next_hop = bpf_map_lookup_elem(&next_hops, &rewrite->next_hop_slot);
	__u32 generation;

	if (!next_hop)
		return TP_PASS_NEXT_HOP;
	generation = load_u32(&next_hop->generation);
	if (generation == 0)
		return TP_PASS_NEXT_HOP;
	slot_barrier();
	rewrite->next_hop = *next_hop;
	slot_barrier();
	return load_u32(&next_hop->generation) == generation ? NO_REASON : TP_PASS_NEXT_HOP;
}

#endif /* TURNPIKE_BPF_LOOKUP_H */
