/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * From the frame to `struct packet`: a cursor, and one bounds-checked function per header. Each takes its
 * header off the cursor and gives NO_REASON, or the reason why the packet is none of ours. Nothing is written
 * to the frame. */
#ifndef TURNPIKE_BPF_PARSE_H
#define TURNPIKE_BPF_PARSE_H

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "abi.h"
#include "address.h"
#include "checksum.h"
#include "maps.h"

/* What a step returns when it found no reason to end the packet's way here. */
#define NO_REASON TP_REASON_COUNT

#define IPV4_DONT_FRAGMENT bpf_htons(0x4000)
#define IPV4_FRAGMENTED    bpf_htons(0x3fff) /* more fragments, or an offset */

/* Of the IP packet. No interface but lo has a larger MTU, and the verifier wants offsets far below 65536. */
#define LARGEST_PACKET 0x7fff

/* Of what stands before the data, and of what stands after it: more goes to the slow path. */
#define LONGEST_FRAMING 256

#define MAX_VLAN_TAGS 2
#define VLAN_ID       bpf_htons(0x0fff)

/* What is needed of the packet once its header has moved and pointers into it are void: it holds none. The UDP
 * payload is framing, application data, padding, and what follows the data in a STUN message, in this order. */
struct packet {
	struct tp_flow_key key;  /* of the last probe: both ends as they came, but for a port or a channel */
	struct tp_vlan_key vlan; /* the tags it came with */
	__u64 pseudo_sum;        /* of the pseudo header as it came, once can_rewrite() was asked */
	__be16 remote_port;      /* as it came */
	__be16 fragment_id;
	__be16 dont_fragment; /* IPV4_DONT_FRAGMENT or 0 */
	__u16 udp_check;      /* as on the wire */
	__u16 udp_length;
	__u16 headers;  /* bytes up to the UDP payload */
	__u16 trailing; /* bytes after the IP datagram: a short frame's padding */
	__u16 framing;  /* bytes before the application data; a multiple of four */
	__u16 data;     /* bytes of application data; 0 until it is known */
	__u16 rest;     /* bytes after the padding; a multiple of four */
	__u8 padding;   /* bytes after the application data: 0-3 */
	__u8 traffic_class;
	__u8 ttl;
	_Bool ipv4;
} __attribute__((aligned(8)));

struct cursor {
	void *position;
	void *end;
};

/* What follows the type of an 802.1Q or 802.1ad frame. */
struct vlan_tag {
	__be16 control; /* priority, DEI, VLAN id */
	__be16 protocol;
};

static __always_inline _Bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/* The stack takes a tag with id 0 for a priority alone, and drops tags that no device of the host has. */
static __always_inline enum tp_reason parse_vlans(struct xdp_md *ctx, struct cursor *cursor,
						  struct packet *packet, __be16 *protocol)
{
	__u32 tags = 0;

	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		const struct vlan_tag *tag = cursor->position;
		__be16 id;

		if (!is_vlan(*protocol))
			break;
		if ((void *)(tag + 1) > cursor->end)
			return TP_PASS_MALFORMED;
		id = tag->control & VLAN_ID;
		if (id && tags == 0) {
			packet->vlan.protocol[0] = *protocol;
			packet->vlan.id[0] = id;
			tags = 1;
		} else if (id) {
			packet->vlan.protocol[1] = *protocol;
			packet->vlan.id[1] = id;
		}
		*protocol = tag->protocol;
		cursor->position = (void *)(tag + 1);
	}
	if (is_vlan(*protocol))
		return TP_PASS_VLAN;
	if (tags == 0)
		return NO_REASON;
	packet->vlan.ifindex = ctx->ingress_ifindex;
	return bpf_map_lookup_elem(&vlans, &packet->vlan) ? NO_REASON : TP_PASS_VLAN;
}

static __always_inline enum tp_reason parse_ethernet(struct xdp_md *ctx, struct cursor *cursor,
						     struct packet *packet, __be16 *protocol)
{
	struct ethhdr *ethernet = cursor->position;

	if ((void *)(ethernet + 1) > cursor->end)
		return TP_PASS_MALFORMED;
	*protocol = ethernet->h_proto;
	cursor->position = ethernet + 1;
	return is_vlan(*protocol) ? parse_vlans(ctx, cursor, packet, protocol) : NO_REASON;
}

/* `length` is what the IP header says of the datagram; the frame may be longer (a short one is padded). */
static __always_inline enum tp_reason trim(const void *datagram, __u32 length, const struct cursor *cursor,
					   struct packet *packet)
{
	__u32 present = cursor->end - datagram;

	if (length > present)
		return TP_PASS_MALFORMED;
	packet->trailing = present - length;
	return NO_REASON;
}

static __always_inline enum tp_reason parse_ipv4(struct cursor *cursor, struct packet *packet, __u32 *length)
{
	struct iphdr *ip = cursor->position;

	if ((void *)(ip + 1) > cursor->end || ip->version != 4 || ip->ihl < 5)
		return TP_PASS_MALFORMED;
	if (ip->protocol != IPPROTO_UDP)
		return TP_PASS_NOT_UDP;
	if (ip->ihl > 5)
		return TP_PASS_IP_OPTIONS;
	if (ip->frag_off & IPV4_FRAGMENTED)
		return TP_PASS_FRAGMENT;
	*length = bpf_ntohs(ip->tot_len) - sizeof(*ip);
	/* The header is written anew, so a fault that the stack would have seen must be seen here. */
	if (fold(sum_words(ip, sizeof(*ip) / 4)) != 0xffff)
		return TP_PASS_IP_CHECKSUM;
	packet->ipv4 = 1;
	packet->traffic_class = ip->tos;
	packet->ttl = ip->ttl;
	packet->fragment_id = ip->id;
	packet->dont_fragment = ip->frag_off & IPV4_DONT_FRAGMENT;
	set_mapped(packet->key.remote, ip->saddr);
	set_mapped(packet->key.local, ip->daddr);
	cursor->position = ip + 1;
	return trim(ip + 1, *length, cursor, packet);
}

static __always_inline enum tp_reason parse_ipv6(struct cursor *cursor, struct packet *packet, __u32 *length)
{
	struct ipv6hdr *ip = cursor->position;

	if ((void *)(ip + 1) > cursor->end || ip->version != 6)
		return TP_PASS_MALFORMED;
	if (ip->nexthdr == IPPROTO_FRAGMENT)
		return TP_PASS_FRAGMENT;
	if (ip->nexthdr != IPPROTO_UDP)
		return TP_PASS_NOT_UDP;
	*length = bpf_ntohs(ip->payload_len);
	packet->traffic_class = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	packet->ttl = ip->hop_limit;
	copy_address(packet->key.remote, &ip->saddr);
	copy_address(packet->key.local, &ip->daddr);
	/* A mapped address on the wire would take an IPv4 flow's key (RFC 4942 §2.2 warns of such packets).
	 */
	if (is_mapped(packet->key.remote) || is_mapped(packet->key.local))
		return TP_PASS_MALFORMED;
	cursor->position = ip + 1;
	return trim(ip + 1, *length, cursor, packet);
}

/* `length`: bytes of IP payload. */
static __always_inline enum tp_reason parse_udp(struct cursor *cursor, struct packet *packet, __u32 length)
{
	struct udphdr *udp = cursor->position;

	if ((void *)(udp + 1) > cursor->end || length < sizeof(*udp) || bpf_ntohs(udp->len) != length)
		return TP_PASS_MALFORMED;
	if (udp->dest == 0)
		return TP_PASS_MALFORMED;
	if (udp->check == 0 && !packet->ipv4) /* RFC 8200 §8.1 */
		return TP_PASS_MALFORMED;
	packet->remote_port = udp->source;
	packet->key.remote_port = udp->source;
	packet->key.local_port = udp->dest;
	packet->udp_length = length;
	packet->udp_check = udp->check;
	cursor->position = udp + 1;
	return NO_REASON;
}

/* `cursor`: then at the UDP payload. */
static __always_inline enum tp_reason parse_packet(struct xdp_md *ctx, struct packet *packet,
						   struct cursor *cursor)
{
	void *data = (void *)(long)ctx->data;
	enum tp_reason reason;
	__be16 protocol = 0;
	__u32 length = 0;

	cursor->position = data;
	cursor->end = (void *)(long)ctx->data_end;
	reason = parse_ethernet(ctx, cursor, packet, &protocol);
	if (reason != NO_REASON)
		return reason;
	if (protocol == bpf_htons(ETH_P_IP))
		reason = parse_ipv4(cursor, packet, &length);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		reason = parse_ipv6(cursor, packet, &length);
	else
		reason = TP_PASS_NOT_IP;
	if (reason != NO_REASON)
		return reason;
	reason = parse_udp(cursor, packet, length);
	if (reason != NO_REASON)
		return reason;
	packet->headers = cursor->position - data;
	return NO_REASON;
}

#endif /* TURNPIKE_BPF_PARSE_H */
