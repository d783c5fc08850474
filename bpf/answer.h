/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * A STUN Binding request without attributes (RFC 8489 §6.3.1), answered where it came in: clients and
 * browsers send no other to learn their address. */
#ifndef TURNPIKE_BPF_ANSWER_H
#define TURNPIKE_BPF_ANSWER_H

#include "framing.h"
#include "plan.h"
#include "stun.h"

#define ANSWER_TTL 64
#define GROUP_MAC  1 /* in the first byte: multicast and broadcast */

static __always_inline _Bool is_bare_binding(const struct cursor *payload, const struct packet *packet)
{
	return packet->udp_length == sizeof(struct udphdr) + STUN_HEADER_SIZE &&
	       is_whole_message(payload, packet, STUN_BINDING_REQUEST);
}

/* An address that the stack would take a packet from, and send one to. */
static __always_inline _Bool is_host(const struct packet *packet)
{
	const __u8 *address = packet->key.remote;
	const address_word *word = (const address_word *)address;

	if (packet->ipv4)
		return address[12] != 0 && address[12] != 127 && address[12] < 224;
	return address[0] != 0xff && (word[0] | word[1] | word[2] | (word[3] & ~bpf_htonl(1))) != 0;
}

/* Back by the way that it came, unless a group's address is on it: the sender's own MAC and tags, without
 * their priority. */
static __always_inline _Bool plan_way_back(struct xdp_md *ctx, const struct packet *packet,
					   struct tp_next_hop *next_hop)
{
	const struct ethhdr *ethernet = (void *)(long)ctx->data;

	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return 0;
	if ((ethernet->h_dest[0] | ethernet->h_source[0]) & GROUP_MAC)
		return 0;
	__builtin_memcpy(next_hop->source_mac, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(next_hop->destination_mac, ethernet->h_source, ETH_ALEN);
	next_hop->ifindex = ctx->ingress_ifindex;
	next_hop->mtu = LARGEST_PACKET;
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		next_hop->vlan_protocol[i] = packet->vlan.protocol[i];
		next_hop->vlan_tag[i] = packet->vlan.id[i];
	}
	return 1;
}

/* Header fields as those of the slow path's listening socket: nothing of the request's goes back, and
 * don't-fragment is clear, for the socket has IP_PMTUDISC_DONT. */
static __always_inline _Bool plan_answer(struct xdp_md *ctx, const struct cursor *payload,
					 struct packet *packet, struct rewrite *rewrite)
{
	if (!payload_has(payload, packet, STUN_HEADER_SIZE) || !is_host(packet) ||
	    !plan_way_back(ctx, packet, &rewrite->next_hop))
		return 0;
	copy_address(rewrite->source.address, packet->key.local);
	copy_address(rewrite->destination.address, packet->key.remote);
	rewrite->source.port = packet->key.local_port;
	rewrite->destination.port = packet->remote_port;
	frame_binding_success(packet, payload->position, rewrite);
	rewrite->answer = 1;
	packet->framing = STUN_HEADER_SIZE;
	packet->traffic_class = 0;
	packet->dont_fragment = 0;
	packet->ttl = ANSWER_TTL;
	return 1;
}

#endif /* TURNPIKE_BPF_ANSWER_H */
