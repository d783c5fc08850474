/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The one routine that changes a packet: any family to any family, any framing to any framing. can_rewrite()
 * asks everything that could end in PASS; rewrite_packet() makes room first, which may still be refused, and
 * is then taken back to the last bit; from the first write on the packet is sent or dropped. */
#ifndef TURNPIKE_BPF_REWRITE_H
#define TURNPIKE_BPF_REWRITE_H

#include "checksum.h"
#include "lookup.h"
#include "parse.h"
#include "plan.h"

/* RFC 7915 §5.1: a translated packet up to this size may be fragmented further on. */
#define IPV4_FRAGMENTABLE 1260

/* Whether the checksum can be carried over: `zero` tells whether none stands for none. A sender on this host
 * leaves the sum of the pseudo header alone for its device to complete (CHECKSUM_PARTIAL). XDP cannot see that;
 * a complete checksum looks so once in 65,536. */
static __always_inline enum tp_reason judge_checksum(struct packet *packet, _Bool zero)
{
	packet->pseudo_sum = sum_pseudo_header(packet->key.remote, packet->key.local, packet->udp_length);
	if (packet->udp_check == fold(packet->pseudo_sum))
		return TP_PASS_CHECKSUM_PARTIAL;
	return packet->udp_check == 0 && !zero ? TP_PASS_CHECKSUM_ZERO : NO_REASON;
}

static __always_inline enum tp_reason can_rewrite(struct packet *packet, struct rewrite *rewrite)
{
	enum tp_reason reason;
	__u32 length;

	rewrite->ipv4 = is_mapped(rewrite->destination.address);
	if (packet->ttl <= rewrite->hops)
		return TP_PASS_TTL;
	reason = judge_checksum(packet, rewrite->ipv4);
	if (reason == NO_REASON && !rewrite->answer)
		reason = find_next_hop(rewrite);
	if (reason != NO_REASON)
		return reason;
	length = sizeof(struct udphdr) + rewrite->framing_size + packet->data + rewrite->padding;
	rewrite->udp_length = length;
	length += rewrite->ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	rewrite->ip_length = length;
	return length > rewrite->next_hop.mtu || length > LARGEST_PACKET ? TP_PASS_MTU : NO_REASON;
}

/* A client's padding may hold anything, and is in the checksum. */
static __always_inline __u64 sum_padding(const struct cursor *payload, const struct packet *packet)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < 3 && i < packet->padding; i++) {
		const __u8 *byte = payload_at(payload, packet->framing + packet->data + i, 1);

		if (!byte)
			break;
		sum += (packet->data + i) & 1 ? bpf_htons(*byte) : bpf_htons(*byte << 8);
	}
	return sum;
}

/* `offset` and `size` are multiples of four, `size` at most LONGEST_FRAMING. */
static __always_inline __u64 sum_payload(const struct cursor *payload, __u32 offset, __u32 size)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < LONGEST_FRAMING && i < size; i += 4) {
		const checksum_word *word = payload_at(payload, offset + i, 4);

		if (!word)
			break;
		sum += *word;
	}
	return sum;
}

static __always_inline __u64 sum_framing(const struct rewrite *rewrite)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < FRAMING_WORDS && i * 4 < rewrite->framing_size; i++)
		sum += rewrite->framing[i];
	return sum;
}

static __always_inline __u16 new_udp_check(struct xdp_md *ctx, const struct packet *packet,
					   const struct rewrite *rewrite)
{
	struct cursor payload = find_payload(ctx, packet);
	__u64 removed, added;

	if (packet->udp_check == 0)
		return 0; /* RFC 768: none; only IPv4 to IPv4 comes here */
	removed = packet->pseudo_sum + packet->remote_port + packet->key.local_port +
		  bpf_htons(packet->udp_length) + sum_payload(&payload, 0, packet->framing);
	if (packet->padding)
		removed += sum_padding(&payload, packet);
	if (packet->rest)
		removed += sum_payload(&payload, packet->framing + packet->data + packet->padding, packet->rest);
	added = sum_pseudo_header(rewrite->source.address, rewrite->destination.address,
				  rewrite->udp_length) +
		rewrite->source.port + rewrite->destination.port + bpf_htons(rewrite->udp_length) +
		sum_framing(rewrite);
	return update_checksum(packet->udp_check, removed, added);
}

static __always_inline __u32 link_size(const struct tp_next_hop *next_hop)
{
	__u32 tags = (next_hop->vlan_protocol[0] != 0) + (next_hop->vlan_protocol[1] != 0);

	return sizeof(struct ethhdr) + tags * sizeof(struct vlan_tag);
}

static __always_inline void *write_ethernet(void *at, const struct rewrite *rewrite)
{
	const struct tp_next_hop *next_hop = &rewrite->next_hop;
	__be16 protocol = rewrite->ipv4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	struct ethhdr *ethernet = at;
	struct vlan_tag *tag = (void *)(ethernet + 1);

	__builtin_memcpy(ethernet->h_dest, next_hop->destination_mac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, next_hop->source_mac, ETH_ALEN);
	if (next_hop->vlan_protocol[0] == 0) {
		ethernet->h_proto = protocol;
		return tag;
	}
	ethernet->h_proto = next_hop->vlan_protocol[0];
	tag->control = next_hop->vlan_tag[0];
	if (next_hop->vlan_protocol[1]) {
		tag->protocol = next_hop->vlan_protocol[1];
		tag++;
		tag->control = next_hop->vlan_tag[1];
	}
	tag->protocol = protocol;
	return tag + 1;
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

static __always_inline enum tp_reason write_framing(void *at, const void *end, const struct rewrite *rewrite)
{
	checksum_word *word = at;

	for (__u32 i = 0; i < FRAMING_WORDS && i * 4 < rewrite->framing_size; i++) {
		if ((void *)(word + i + 1) > end)
			return TP_DROP_REWRITE;
		word[i] = rewrite->framing[i];
	}
	return NO_REASON;
}

static __always_inline enum tp_reason write_headers(struct xdp_md *ctx, const struct packet *packet,
						    const struct rewrite *rewrite, __u16 udp_check)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct udphdr *udp;
	void *ip;

	/* Both an Ethernet header with two tags and the smallest packet without any are in these bytes. */
	if (data + sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(*udp) > end)
		return TP_DROP_REWRITE;
	ip = write_ethernet(data, rewrite);
	if (rewrite->ipv4) {
		udp = ip + sizeof(struct iphdr);
		if ((void *)(udp + 1) > end)
			return TP_DROP_REWRITE;
		write_ipv4(ip, packet, rewrite);
	} else {
		udp = ip + sizeof(struct ipv6hdr);
		if ((void *)(udp + 1) > end)
			return TP_DROP_REWRITE;
		write_ipv6(ip, packet, rewrite);
	}
	udp->source = rewrite->source.port;
	udp->dest = rewrite->destination.port;
	udp->len = bpf_htons(rewrite->udp_length);
	udp->check = udp_check;
	return write_framing(udp + 1, end, rewrite);
}

/* At the end of the IP packet. */
static __always_inline enum tp_reason write_padding(struct xdp_md *ctx, const struct rewrite *rewrite)
{
	struct cursor packet = {(void *)(long)ctx->data + link_size(&rewrite->next_hop),
				(void *)(long)ctx->data_end};

	for (__u32 i = 1; i <= 3 && i <= rewrite->padding; i++) {
		__u8 *byte = (__u8 *)payload_at(&packet, rewrite->ip_length - i, 1);

		if (!byte)
			return TP_DROP_REWRITE;
		*byte = 0;
	}
	return NO_REASON;
}

/* The tail before the head, for only the longer tail can be taken back without a trace. */
static __always_inline enum tp_reason make_room(struct xdp_md *ctx, int head, int tail)
{
	if (tail > 0 && bpf_xdp_adjust_tail(ctx, tail))
		return TP_PASS_ROOM;
	if (head == 0 || bpf_xdp_adjust_head(ctx, head) == 0)
		return NO_REASON;
	if (tail > 0 && bpf_xdp_adjust_tail(ctx, -tail))
		return TP_DROP_REWRITE;
	return TP_PASS_ROOM;
}

__noinline int rewrite_packet(struct xdp_md *ctx, const struct packet *packet, const struct rewrite *rewrite)
{
	int headers_now, headers_then, tail, reason;
	__u16 udp_check;

	if (!packet || !rewrite)
		return TP_DROP_REWRITE;
	udp_check = new_udp_check(ctx, packet, rewrite);
	headers_now = packet->headers + packet->framing;
	headers_then = link_size(&rewrite->next_hop) + rewrite->ip_length - packet->data - rewrite->padding;
	tail = rewrite->padding - (packet->padding + packet->rest + packet->trailing);
	reason = make_room(ctx, headers_now - headers_then, tail);
	if (reason != NO_REASON)
		return reason;
	if (write_headers(ctx, packet, rewrite, udp_check) != NO_REASON)
		return TP_DROP_REWRITE;
	if (tail < 0 && bpf_xdp_adjust_tail(ctx, tail))
		return TP_DROP_REWRITE;
	return rewrite->padding ? write_padding(ctx, rewrite) : NO_REASON;
}

#endif /* TURNPIKE_BPF_REWRITE_H */
