/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Where the application data of a received frame is, if the generator made it. */
#ifndef TURNPIKE_LOAD_UDP_PAYLOAD_H
#define TURNPIKE_LOAD_UDP_PAYLOAD_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "load_abi.h"

#define CHANNEL_DATA_HEADER 4
#define STUN_HEADER 20
#define STUN_COOKIE 0x2112A442
#define DATA_INDICATION 0x0017
#define ATTRIBUTE_DATA 0x0013
#define MAX_ATTRIBUTES 6
#define MAX_ATTRIBUTE 1600 /* larger than any frame's; bounds what the verifier must follow */

struct type_and_length {
	__be16 type;
	__be16 length;
};

struct payload {
	const struct load_mark *mark;
	__u32 size;
};

/* The UDP header, or NULL for anything but UDP without IP options or extension headers. */
static __always_inline const struct udphdr *find_udp(void *data, void *end)
{
	const struct ethhdr *ethernet = data;
	const struct udphdr *udp;

	if ((void *)(ethernet + 1) > end)
		return NULL;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		const struct iphdr *ip = (void *)(ethernet + 1);
		if ((void *)(ip + 1) > end || ip->ihl != 5 || ip->protocol != IPPROTO_UDP)
			return NULL;
		udp = (void *)(ip + 1);
	} else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = (void *)(ethernet + 1);
		if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_UDP)
			return NULL;
		udp = (void *)(ip + 1);
	} else {
		return NULL;
	}
	return (void *)(udp + 1) > end ? NULL : udp;
}

/* The DATA attribute of a Data indication; relays differ in the order of attributes. */
static __always_inline const void *find_data(const void *message, const void *end, __u32 *size)
{
	const struct type_and_length *header = message;
	const __be32 *cookie = message + sizeof(*header);
	const void *next = message + STUN_HEADER;

	if (next > end || header->type != bpf_htons(DATA_INDICATION) || *cookie != bpf_htonl(STUN_COOKIE))
		return NULL;
	for (int i = 0; i < MAX_ATTRIBUTES; i++) {
		const struct type_and_length *attribute = next;
		if ((void *)(attribute + 1) > end)
			return NULL;
		__u32 length = bpf_ntohs(attribute->length);
		if (length > MAX_ATTRIBUTE)
			return NULL;
		*size = length;
		if (attribute->type == bpf_htons(ATTRIBUTE_DATA))
			return attribute + 1;
		next += sizeof(*attribute) + ((length + 3) & ~3u);
	}
	return NULL;
}

/* True when the datagram is a measured one of `form`. */
static __always_inline int find_payload(const struct udphdr *udp, const void *end, __u32 form,
					struct payload *payload)
{
	const struct type_and_length *channel = (void *)(udp + 1);
	const void *start = udp + 1;

	payload->size = bpf_ntohs(udp->len) - sizeof(*udp);
	if (form == LOAD_CHANNEL) {
		if ((void *)(channel + 1) > end)
			return 0;
		payload->size = bpf_ntohs(channel->length);
		start = channel + 1;
	} else if (form == LOAD_INDICATION) {
		start = find_data(start, end, &payload->size);
		if (!start)
			return 0;
	}
	payload->mark = start;
	return (void *)(payload->mark + 1) <= end && payload->mark->magic == LOAD_MAGIC;
}

#endif /* TURNPIKE_LOAD_UDP_PAYLOAD_H */
