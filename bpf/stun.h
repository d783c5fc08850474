/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * What of STUN (RFC 8489) and TURN (RFC 8656) the program reads and writes. */
#ifndef TURNPIKE_BPF_STUN_H
#define TURNPIKE_BPF_STUN_H

#include "payload.h"

#define STUN_HEADER_SIZE    20
#define STUN_MAGIC_COOKIE   bpf_htonl(0x2112a442)
#define CHANNEL_HEADER_SIZE 4

/* Methods with their classes (RFC 8489 §5, RFC 8656 §17). */
#define STUN_CLASS_BITS      bpf_htons(0x0110) /* none of them: a request */
#define STUN_BINDING_REQUEST bpf_htons(0x0001)
#define STUN_SEND_INDICATION bpf_htons(0x0016)
#define STUN_BINDING_SUCCESS 0x0101
#define STUN_DATA_INDICATION 0x0017

#define STUN_XOR_PEER_ADDRESS   0x0012
#define STUN_DATA               0x0013
#define STUN_XOR_MAPPED_ADDRESS 0x0020
#define STUN_FIRST_OPTIONAL     0x8000
#define STUN_FINGERPRINT        0x8028
#define STUN_FINGERPRINT_SIZE   4

/* Of an XOR-...-ADDRESS, with its attribute header. */
#define STUN_FAMILY_IPV4       0x01
#define STUN_FAMILY_IPV6       0x02
#define STUN_IPV4_ADDRESS_SIZE 12
#define STUN_IPV6_ADDRESS_SIZE 24

struct channel_header {
	__be16 channel;
	__be16 length;
};

struct stun_header {
	__be16 type;
	__be16 length;  /* of what follows the header */
	__be32 mask[4]; /* the cookie and the transaction id: what addresses are XORed with */
};

struct stun_attribute {
	__be16 type;
	__be16 length; /* of the value without its padding */
};

static __always_inline _Bool is_stun(const struct cursor *payload, const struct packet *packet)
{
	const struct stun_header *header = payload->position;

	/* RFC 8489 §5: two zero bits, and the cookie in the second word. */
	return payload_has(payload, packet, STUN_HEADER_SIZE) && (header->type & bpf_htons(0xc000)) == 0 &&
	       header->mask[0] == STUN_MAGIC_COOKIE;
}

/* True when the message has this type, and is as long as it says and as the datagram is: a multiple of four. */
static __always_inline _Bool is_whole_message(const struct cursor *payload, const struct packet *packet,
					      __be16 type)
{
	const struct stun_header *header = payload->position;
	__u16 size = packet->udp_length - sizeof(struct udphdr);

	return is_stun(payload, packet) && header->type == type && size % 4 == 0 &&
	       bpf_ntohs(header->length) == size - STUN_HEADER_SIZE;
}

#endif /* TURNPIKE_BPF_STUN_H */
