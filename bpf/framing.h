/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The framing that is written before the data: ChannelData header, Data indication, Binding success. */
#ifndef TURNPIKE_BPF_FRAMING_H
#define TURNPIKE_BPF_FRAMING_H

#include "plan.h"
#include "stun.h"

/* As clients and peers name it, behind a 1:1 NAT; and back, when a client names it. */
static __always_inline void translate(__u32 to_external, __u8 *address)
{
	const struct tp_control *control = find_control();
	struct tp_translation_key key __attribute__((aligned(4)));
	const struct map_address *other;

	if (!control || control->translations == 0)
		return;
	copy_address(key.address, address);
	key.to_external = to_external;
	other = bpf_map_lookup_elem(&translations, &key);
	if (other)
		copy_address(address, other);
}

/* Gives the size of the attribute. `message` begins with the STUN header, whose last four words mask. */
static __always_inline __u32 put_xor_address(__u32 *message, __u32 type, const __u8 *address, __be16 port)
{
	const address_word *word = (const address_word *)address;
	const __u32 *mask = message + 1;
	__u32 *attribute = message + STUN_HEADER_SIZE / 4;
	__u32 masked_port = bpf_ntohs(port) ^ bpf_ntohl(STUN_MAGIC_COOKIE) >> 16;

	if (is_mapped(address)) {
		attribute[0] = bpf_htonl(type << 16 | (STUN_IPV4_ADDRESS_SIZE - 4));
		attribute[1] = bpf_htonl(STUN_FAMILY_IPV4 << 16 | masked_port);
		attribute[2] = word[3] ^ mask[0];
		return STUN_IPV4_ADDRESS_SIZE;
	}
	attribute[0] = bpf_htonl(type << 16 | (STUN_IPV6_ADDRESS_SIZE - 4));
	attribute[1] = bpf_htonl(STUN_FAMILY_IPV6 << 16 | masked_port);
	for (int i = 0; i < 4; i++)
		attribute[2 + i] = word[i] ^ mask[i];
	return STUN_IPV6_ADDRESS_SIZE;
}

static __always_inline void frame_channel_data(const struct packet *packet, struct rewrite *rewrite)
{
	rewrite->framing[0] = bpf_htonl((__u32)bpf_ntohs(rewrite->channel) << 16 | packet->data);
	rewrite->framing_size = CHANNEL_HEADER_SIZE;
}

/* RFC 8656 §11.3. */
__noinline int frame_data_indication(const struct packet *packet, struct rewrite *rewrite)
{
	__u8 named[16] __attribute__((aligned(4)));
	__u32 *message, padding, length, size;

	if (!packet || !rewrite)
		return 0;
	message = rewrite->framing;
	padding = -packet->data & 3;
	length = 4 + packet->data + padding;
	copy_address(named, rewrite->peer.address);
	translate(1, named);
	message[1] = STUN_MAGIC_COOKIE;
	for (int i = 2; i < 5; i++) /* RFC 8489 §5: an indication's id answers nothing, and is random */
		message[i] = bpf_get_prandom_u32();
	size = put_xor_address(message, STUN_XOR_PEER_ADDRESS, named, rewrite->peer.port);
	message[0] = bpf_htonl(STUN_DATA_INDICATION << 16 | (size + length));
	if (size == STUN_IPV4_ADDRESS_SIZE)
		message[8] = bpf_htonl(STUN_DATA << 16 | packet->data);
	else
		message[11] = bpf_htonl(STUN_DATA << 16 | packet->data);
	rewrite->framing_size = STUN_HEADER_SIZE + size + 4;
	rewrite->padding = padding;
	return 0;
}

/* RFC 8489 §6.3.1, as short as the slow path's to who is not known: `request` is in the packet still. */
static __always_inline void frame_binding_success(const struct packet *packet, const struct stun_header *request,
						  struct rewrite *rewrite)
{
	__u32 *message = rewrite->framing;
	__u32 size;

	for (int i = 0; i < 4; i++)
		message[1 + i] = request->mask[i];
	size = put_xor_address(message, STUN_XOR_MAPPED_ADDRESS, packet->key.remote, packet->remote_port);
	message[0] = bpf_htonl(STUN_BINDING_SUCCESS << 16 | size);
	rewrite->framing_size = STUN_HEADER_SIZE + size;
}

#endif /* TURNPIKE_BPF_FRAMING_H */
