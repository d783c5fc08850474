/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The one routine that changes a packet: any family to any family, ChannelData header taken off, put on, or
 * both. can_rewrite() asks everything that could end in PASS; rewrite_packet() moves the head first, which
 * may still be refused with the packet untouched, and from then on the packet is sent or dropped. */
#ifndef TURNPIKE_BPF_REWRITE_H
#define TURNPIKE_BPF_REWRITE_H

#include "checksum.h"
#include "lookup.h"
#include "parse.h"

/* Of the IP packet. No interface but lo has a larger MTU, and the verifier wants offsets far below 65536. */
#define LARGEST_PACKET 0x7fff

/* RFC 7915 §5.1: a translated packet up to this size may be fragmented further on. */
#define IPV4_FRAGMENTABLE 1260

static __always_inline __u64 sum_incoming_pseudo_header(const struct packet *packet)
{
	return sum_pseudo_header(packet->key.remote, packet->key.local, packet->udp_length);
}

static __always_inline enum tp_reason can_rewrite(const struct packet *packet, struct rewrite *rewrite)
{
	enum tp_reason reason;
	__u32 length;

	rewrite->ipv4 = is_mapped(rewrite->destination.address);
	if (packet->ttl <= rewrite->hops)
		return TP_PASS_TTL;
	/* A sender on this host leaves the sum of the pseudo header alone for its device to complete
	 * (CHECKSUM_PARTIAL). XDP cannot see that; a complete checksum looks so once in 65,536. */
	if (packet->udp_check == fold(sum_incoming_pseudo_header(packet)))
		return TP_PASS_CHECKSUM_PARTIAL;
	if (packet->udp_check == 0 && !rewrite->ipv4)
		return TP_PASS_CHECKSUM_ZERO;
	reason = find_next_hop(rewrite);
	if (reason != NO_REASON)
		return reason;
	length = sizeof(struct udphdr) + (rewrite->channel ? CHANNEL_HEADER_SIZE : 0) + packet->data;
	rewrite->udp_length = length;
	length += rewrite->ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	rewrite->ip_length = length;
	return length > rewrite->next_hop.mtu || length > LARGEST_PACKET ? TP_PASS_MTU : NO_REASON;
}

/* A client's padding may hold anything, and is in the checksum. */
static __always_inline __u64 sum_padding(const struct packet *packet)
{
	__u32 offset = packet->data;
	const __u8 *byte;
	__u64 sum = 0;

	/* The lengths were checked; the verifier forgets that, and wants a bound on the register it adds. */
	asm volatile("" : "+r"(offset));
	offset &= LARGEST_PACKET;
	byte = packet->payload + CHANNEL_HEADER_SIZE + offset;
	for (int i = 0; i < 3; i++) {
		if (i >= packet->padding || (void *)(byte + i + 1) > packet->end)
			break;
		sum += (packet->data + i) & 1 ? bpf_htons(byte[i]) : bpf_htons(byte[i] << 8);
	}
	return sum;
}

static __always_inline __u16 new_udp_check(const struct packet *packet, const struct rewrite *rewrite)
{
	const struct tp_flow_key *key = &packet->key;
	__u64 removed, added;

	if (packet->udp_check == 0)
		return 0; /* RFC 768: none; only IPv4 to IPv4 comes here */
	removed = sum_incoming_pseudo_header(packet) + key->remote_port + key->local_port +
		  bpf_htons(packet->udp_length);
	if (key->channel)
		removed += key->channel + bpf_htons(packet->data) + sum_padding(packet);
	added = sum_pseudo_header(rewrite->source.address, rewrite->destination.address,
				  rewrite->udp_length) +
		rewrite->source.port + rewrite->destination.port + bpf_htons(rewrite->udp_length);
	if (rewrite->channel)
		added += rewrite->channel + bpf_htons(packet->data);
	return update_checksum(packet->udp_check, removed, added);
}

static __always_inline void *write_ethernet(void *at, const struct rewrite *rewrite)
{
	struct ethhdr *ethernet = at;

	__builtin_memcpy(ethernet->h_dest, rewrite->next_hop.destination_mac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, rewrite->next_hop.source_mac, ETH_ALEN);
	ethernet->h_proto = rewrite->ipv4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	return ethernet + 1;
}

/* RFC 8656 §14: DSCP, ECN and don't-fragment as they came. From IPv6, which has neither identification nor
 * flag: RFC 7915 §5.1, and the checksum for an identification, which differs when the contents do. */
static __always_inline void write_ipv4(struct iphdr *ip, const struct packet *packet,
				       const struct rewrite *rewrite)
{
	__be16 dont_fragment = packet->dont_fragment;
	__be16 id = packet->fragment_id;

	if (!packet->ipv4) {
		dont_fragment = rewrite->ip_length > IPV4_FRAGMENTABLE ? IPV4_DONT_FRAGMENT : 0;
		id = packet->udp_check;
	}
	*(__u8 *)ip = 0x45;
	ip->tos = packet->traffic_class;
	ip->tot_len = bpf_htons(rewrite->ip_length);
	ip->id = id;
	ip->frag_off = dont_fragment;
	ip->ttl = packet->ttl - rewrite->hops;
	ip->protocol = IPPROTO_UDP;
	ip->check = 0;
	ip->saddr = ((const address_word *)rewrite->source.address)[3];
	ip->daddr = ((const address_word *)rewrite->destination.address)[3];
	ip->check = ~fold(sum_words(ip, sizeof(*ip) / 4));
}

/* Flow label 0: RFC 8656 §13.2 and §14 want one made from the outgoing 5-tuple or, failing that, 0; never the
 * incoming one, which belongs to another flow. */
static __always_inline void write_ipv6(struct ipv6hdr *ip, const struct packet *packet,
				       const struct rewrite *rewrite)
{
	*(__be32 *)ip = bpf_htonl(0x60000000 | (__u32)packet->traffic_class << 20);
	ip->payload_len = bpf_htons(rewrite->udp_length);
	ip->nexthdr = IPPROTO_UDP;
	ip->hop_limit = packet->ttl - rewrite->hops;
	copy_address((__u8 *)&ip->saddr, rewrite->source.address);
	copy_address((__u8 *)&ip->daddr, rewrite->destination.address);
}

static __always_inline enum tp_reason write_headers(struct xdp_md *ctx, const struct packet *packet,
						    const struct rewrite *rewrite, __u16 udp_check)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct channel_header *channel;
	struct udphdr *udp;

	if (rewrite->ipv4) {
		udp = data + sizeof(struct ethhdr) + sizeof(struct iphdr);
		if ((void *)(udp + 1) > end)
			return TP_DROP_REWRITE;
		write_ipv4(write_ethernet(data, rewrite), packet, rewrite);
	} else {
		udp = data + sizeof(struct ethhdr) + sizeof(struct ipv6hdr);
		if ((void *)(udp + 1) > end)
			return TP_DROP_REWRITE;
		write_ipv6(write_ethernet(data, rewrite), packet, rewrite);
	}
	udp->source = rewrite->source.port;
	udp->dest = rewrite->destination.port;
	udp->len = bpf_htons(rewrite->udp_length);
	udp->check = udp_check;
	if (!rewrite->channel)
		return NO_REASON;
	channel = (void *)(udp + 1);
	if ((void *)(channel + 1) > end)
		return TP_DROP_REWRITE;
	channel->channel = rewrite->channel;
	channel->length = bpf_htons(packet->data);
	return NO_REASON;
}

static __always_inline enum tp_reason rewrite_packet(struct xdp_md *ctx, const struct packet *packet,
						     const struct rewrite *rewrite)
{
	__u16 udp_check = new_udp_check(packet, rewrite);
	int headers_now = packet->headers + (packet->key.channel ? CHANNEL_HEADER_SIZE : 0);
	int headers_then = sizeof(struct ethhdr) + rewrite->ip_length - packet->data;
	int surplus = packet->trailing + packet->padding;

	if (headers_now != headers_then && bpf_xdp_adjust_head(ctx, headers_now - headers_then))
		return TP_PASS_HEADROOM;
	if (write_headers(ctx, packet, rewrite, udp_check) != NO_REASON)
		return TP_DROP_REWRITE;
	if (surplus && bpf_xdp_adjust_tail(ctx, -surplus))
		return TP_DROP_REWRITE;
	return NO_REASON;
}

#endif /* TURNPIKE_BPF_REWRITE_H */
