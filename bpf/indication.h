/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Reads a Send indication (RFC 8656 §11.1, §11.2) when it is what clients send all day: one peer, one piece of
 * data, perhaps a fingerprint and what may be ignored. Everything else is the slow path's to judge. */
#ifndef TURNPIKE_BPF_INDICATION_H
#define TURNPIKE_BPF_INDICATION_H

#include "stun.h"

#define MAX_ATTRIBUTES 8

/* What of a Send indication was found so far. */
struct send {
	struct tp_endpoint peer; /* as the client names it */
	__u32 peers;             /* how many attributes of each kind */
	__u32 pieces;
};

/* A mapped IPv6 address names an IPv4 peer by another name: the slow path knows what to make of it. */
static __always_inline _Bool read_peer(const struct cursor *payload, __u32 offset, __u32 size,
				       struct send *send)
{
	const struct stun_header *header = payload->position;
	const __u32 *word = payload_at(payload, offset, STUN_IPV4_ADDRESS_SIZE);
	address_word *address = (address_word *)send->peer.address;
	__u8 family;

	if (!word || (void *)(header + 1) > payload->end)
		return 0;
	family = ((const __u8 *)word)[5];
	send->peer.port = ((const __be16 *)word)[3] ^ ((const __be16 *)header->mask)[0];
	if (send->peer.port == 0)
		return 0;
	if (family == STUN_FAMILY_IPV4 && size == STUN_IPV4_ADDRESS_SIZE - 4) {
		set_mapped(send->peer.address, word[2] ^ header->mask[0]);
		return 1;
	}
	if (family != STUN_FAMILY_IPV6 || size != STUN_IPV6_ADDRESS_SIZE - 4 ||
	    (void *)word + STUN_IPV6_ADDRESS_SIZE > payload->end)
		return 0;
	for (int i = 0; i < 4; i++)
		address[i] = word[2 + i] ^ header->mask[i];
	return !is_mapped(send->peer.address);
}

/* The attribute at `offset`; gives the offset of the next, or 0 when it is not for us to judge. */
static __always_inline __u32 read_attribute(const struct cursor *payload, struct packet *packet, __u32 offset,
					    __u32 end, struct send *send)
{
	const struct stun_attribute *attribute = payload_at(payload, offset, sizeof(*attribute));
	__u32 type, size, next;

	if (!attribute)
		return 0;
	type = bpf_ntohs(attribute->type);
	size = bpf_ntohs(attribute->length);
	next = offset + sizeof(*attribute) + ((size + 3) & ~3u);
	if (next > end)
		return 0;
	if (type == STUN_XOR_PEER_ADDRESS)
		return send->peers++ == 0 && read_peer(payload, offset, size, send) ? next : 0;
	if (type == STUN_DATA) {
		packet->framing = offset + sizeof(*attribute);
		packet->data = size;
		return send->pieces++ == 0 ? next : 0;
	}
	/* The UDP checksum covers what a fingerprint does; it is there to tell STUN from other protocols. */
	if (type == STUN_FINGERPRINT)
		return size == STUN_FINGERPRINT_SIZE && next == end ? next : 0;
	return type >= STUN_FIRST_OPTIONAL ? next : 0;
}

static __always_inline enum tp_reason read_send(const struct cursor *payload, struct packet *packet,
						struct send *send)
{
	__u32 end = packet->udp_length - sizeof(struct udphdr);
	__u32 offset = STUN_HEADER_SIZE;

	if (!is_whole_message(payload, packet, STUN_SEND_INDICATION) || end > LARGEST_PACKET)
		return TP_PASS_INDICATION;
	for (int i = 0; i < MAX_ATTRIBUTES; i++) {
		if (offset >= end)
			break;
		offset = read_attribute(payload, packet, offset, end, send);
		if (offset == 0)
			break;
	}
	packet->padding = -packet->data & 3;
	packet->rest = end - packet->framing - packet->data - packet->padding;
	if (offset == end && send->peers == 1 && send->pieces == 1 && packet->framing <= LONGEST_FRAMING &&
	    packet->rest <= LONGEST_FRAMING)
		return NO_REASON;
	packet->data = 0;
	return TP_PASS_INDICATION;
}

#endif /* TURNPIKE_BPF_INDICATION_H */
