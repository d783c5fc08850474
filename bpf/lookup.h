/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * From the packet to `struct rewrite`, along the bindings that permit it. Nothing is written to the frame. */
#ifndef TURNPIKE_BPF_LOOKUP_H
#define TURNPIKE_BPF_LOOKUP_H

#include "framing.h"
#include "indication.h"
#include "maps.h"
#include "plan.h"
#include "stun.h"

/* Keeps the loads of a slot's fields between the two loads of its generation. A barrier of the compiler is
 * all that x86 needs, which does not reorder loads; a weakly ordered processor needs load-acquire (-mcpu=v4).
 */
#define slot_barrier() asm volatile("" ::: "memory")

/* What in a binding a packet is held against. */
struct conditions {
	__u64 channel_expires;
	__u64 permission_expires;
};

/* One probe for what comes from a client, one for nearly all that comes from a bound peer: only a payload that
 * happens to begin like ChannelData needs two. STUN is told apart later, for a peer's ICE checks come to a
 * relay port and are data like any other. No sender has port 0: a permission's key does. */
static __always_inline const struct tp_flow *find_flow(const struct cursor *payload, struct packet *packet)
{
	const struct channel_header *header = payload->position;
	const struct tp_flow *flow;

	if (packet->remote_port == 0)
		return (void *)0;
	if (payload_has(payload, packet, sizeof(*header)) &&
	    (header->channel & bpf_htons(0xc000)) == bpf_htons(0x4000)) {
		packet->key.channel = header->channel;
		flow = bpf_map_lookup_elem(&flows, &packet->key);
		if (flow)
			return flow;
		packet->key.channel = 0;
	}
	flow = bpf_map_lookup_elem(&flows, &packet->key);
	if (flow)
		return flow;
	packet->key.remote_port = 0;
	return bpf_map_lookup_elem(&flows, &packet->key);
}

/* How much of the UDP payload is application data. RFC 8656 §12.5: ChannelData over UDP may be padded to a
 * multiple of four; more than that is not a client's padding, and for the slow path to judge. */
static __always_inline enum tp_reason measure_data(const struct cursor *payload, struct packet *packet)
{
	const struct channel_header *header = payload->position;
	__u32 present = packet->udp_length - sizeof(struct udphdr);
	__u32 length;

	if (packet->key.channel == 0) {
		packet->data = present;
		return NO_REASON;
	}
	if (!payload_has(payload, packet, sizeof(*header)))
		return TP_PASS_CHANNEL_LENGTH;
	length = bpf_ntohs(header->length);
	present -= sizeof(*header);
	if (length > present || present - length > 3)
		return TP_PASS_CHANNEL_LENGTH;
	packet->framing = sizeof(*header);
	packet->data = length;
	packet->padding = present - length;
	return NO_REASON;
}

/* An element of `flows` may be given to another flow while we hold it (BPF_F_NO_PREALLOC memory is recycled
 * without a grace period), and then names a slot that is valid, but another's: the slot must be for `key`. */
static __always_inline _Bool is_for(const struct tp_binding *binding, const struct tp_flow_key *key,
				    _Bool from_client)
{
	if (from_client)
		return binding->channel == key->channel &&
		       same_endpoint(&binding->client, key->remote, key->remote_port) &&
		       same_endpoint(&binding->server, key->local, key->local_port);
	return same_endpoint(&binding->peer, key->remote, key->remote_port) &&
	       same_endpoint(&binding->relayed, key->local, key->local_port);
}

/* The half of a binding that a packet in one direction needs, and only if the slot is what `flow`, found by
 * `key`, meant. `sent`: the key is a permission's, and the packet goes to its peer. Gives that direction, or
 * -1 when the slot is stale. */
static __always_inline int read_binding(const struct tp_flow *flow, const struct tp_flow_key *key, _Bool sent,
					struct rewrite *rewrite, struct conditions *conditions)
{
	__u32 slot = flow->binding, generation = flow->generation;
	const struct tp_binding *binding = bpf_map_lookup_elem(&bindings, &slot);
	_Bool from_client;
	int direction;

	if (!binding || generation == 0 || load_u32(&binding->generation) != generation)
		return -1;
	slot_barrier();
	rewrite->kind = binding->kind;
	from_client = key->channel || rewrite->kind == TP_BINDING_CLIENT;
	if (!is_for(binding, key, from_client))
		return -1;
	conditions->channel_expires = binding->channel_expires;
	conditions->permission_expires = binding->permission_expires;
	rewrite->flags = binding->flags;
	if (from_client || sent) {
		direction = TP_TO_PEER;
		copy_endpoint(&rewrite->source, &binding->relayed);
		copy_endpoint(&rewrite->destination, &binding->peer);
		rewrite->next_hop_slot = binding->peer_next_hop;
		rewrite->allocations[TP_TO_PEER] = binding->allocation;
	} else {
		direction = TP_TO_CLIENT;
		copy_endpoint(&rewrite->source, &binding->server);
		copy_endpoint(&rewrite->destination, &binding->client);
		rewrite->next_hop_slot = binding->client_next_hop;
		rewrite->channel = binding->channel;
		rewrite->allocations[TP_TO_CLIENT] = binding->allocation;
	}
	slot_barrier();
	return load_u32(&binding->generation) == generation ? direction : -1;
}

static __always_inline enum tp_reason follow(const struct tp_flow *flow, const struct tp_flow_key *key,
					     _Bool sent, struct rewrite *rewrite)
{
	struct conditions conditions;
	const struct tp_allocation *allocation;
	int direction = read_binding(flow, key, sent, rewrite, &conditions);
	__u32 slot;

	if (direction < 0)
		return TP_PASS_STALE;
	if (rewrite->now >= conditions.channel_expires)
		return TP_PASS_CHANNEL_EXPIRED;
	if (rewrite->now >= conditions.permission_expires)
		return TP_PASS_PERMISSION_EXPIRED;
	slot = direction == TP_TO_PEER ? rewrite->allocations[TP_TO_PEER] : rewrite->allocations[TP_TO_CLIENT];
	allocation = bpf_map_lookup_elem(&allocations, &slot);
	if (!allocation || rewrite->now >= load_u64(&allocation->expires))
		return TP_PASS_ALLOCATION_EXPIRED;
	rewrite->limited |= allocation->user || limits(&allocation->policer);
	return NO_REASON;
}

/* What a client sends outside its channels. The permission is looked for where the peer's own datagrams would
 * find it: both are one authorisation. */
__noinline int follow_send(struct xdp_md *ctx, struct packet *packet, struct rewrite *rewrite)
{
	struct tp_flow_key key __attribute__((aligned(8))) = {};
	struct send send = {};
	const struct tp_flow *flow;
	struct cursor payload;
	__u32 allocation;
	int reason;

	if (!packet || !rewrite)
		return TP_PASS_STALE;
	payload = find_payload(ctx, packet);
	if (!is_stun(&payload, packet))
		return TP_PASS_NO_FLOW;
	if (((const struct stun_header *)payload.position)->type != STUN_SEND_INDICATION)
		return TP_PASS_STUN;
	reason = read_send(&payload, packet, &send);
	if (reason != NO_REASON)
		return reason;
	translate(0, send.peer.address);
	copy_address(key.remote, send.peer.address);
	copy_address(key.local, rewrite->source.address);
	key.local_port = rewrite->source.port;
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow)
		return TP_PASS_NO_PERMISSION;
	allocation = rewrite->allocations[TP_TO_PEER];
	reason = follow(flow, &key, 1, rewrite);
	rewrite->kind = TP_BINDING_CLIENT;
	rewrite->destination.port = send.peer.port;
	if (reason == NO_REASON && rewrite->allocations[TP_TO_PEER] != allocation)
		return TP_PASS_NO_PERMISSION;
	return reason;
}

/* The peer is another client of this relay: go on as if the datagram had just come to its relayed address.
 * The slow path relays it twice, and takes one off the TTL each time. */
__noinline int follow_hairpin(struct rewrite *rewrite)
{
	struct tp_flow_key key __attribute__((aligned(8))) = {};
	const struct tp_flow *flow;
	enum tp_reason reason;

	if (!rewrite)
		return TP_PASS_STALE;
	copy_endpoint(&rewrite->peer, &rewrite->source);
	copy_address(key.remote, rewrite->source.address);
	copy_address(key.local, rewrite->destination.address);
	key.remote_port = rewrite->source.port;
	key.local_port = rewrite->destination.port;
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow) {
		key.remote_port = 0;
		flow = bpf_map_lookup_elem(&flows, &key);
	}
	if (!flow)
		return TP_PASS_HAIRPIN;
	rewrite->hops = 2;
	reason = follow(flow, &key, 0, rewrite);
	/* TURN through TURN: the peer is this relay's listening address, which the slow path never allows. */
	return reason == NO_REASON && rewrite->kind == TP_BINDING_CLIENT ? TP_PASS_HAIRPIN : reason;
}

/* `flow`: what find_flow() found. */
static __always_inline enum tp_reason follow_flow(struct xdp_md *ctx, const struct cursor *payload,
						  struct packet *packet, const struct tp_flow *flow,
						  struct rewrite *rewrite)
{
	enum tp_reason reason = measure_data(payload, packet);

	if (reason != NO_REASON)
		return reason;
	rewrite->now = bpf_ktime_get_coarse_ns();
	rewrite->hops = 1;
	reason = follow(flow, &packet->key, 0, rewrite);
	if (rewrite->kind == TP_BINDING_CLIENT) {
		packet->data = 0; /* STUN: a Send indication's is found later */
		if (reason == NO_REASON)
			reason = follow_send(ctx, packet, rewrite);
	}
	if (reason != NO_REASON)
		return reason;
	if (goes_to_client(rewrite)) {
		/* Datagrams between two clients of this relay never leave the host, so this one is forged. */
		if (rewrite->flags & TP_BINDING_PEER_IS_RELAYED) {
			packet->data = 0;
			return TP_DROP_REFLECTED;
		}
		copy_address(rewrite->peer.address, packet->key.remote);
		rewrite->peer.port = packet->remote_port;
	} else if (rewrite->flags & TP_BINDING_PEER_IS_RELAYED) {
		reason = follow_hairpin(rewrite);
	}
	if (reason != NO_REASON || !goes_to_client(rewrite))
		return reason;
	if (rewrite->channel)
		frame_channel_data(packet, rewrite);
	else
		frame_data_indication(packet, rewrite);
	return NO_REASON;
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
