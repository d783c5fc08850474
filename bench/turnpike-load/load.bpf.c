// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * `generate_or_sink` makes frames when BPF_PROG_TEST_RUN runs it with live frames, and counts and drops what
 * arrives where it is attached. `forward` is the least that a relay could do: new MAC addresses and a redirect.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "load_abi.h"

/* A test run's frames come in by lo, which is number 1 in every namespace. */
#define TEST_RUN_IFINDEX 1

const volatile __u32 generate_ifindex = 0;
const volatile __u32 generate_flows = 1;

/* As on the wire; 0 matches any. */
const volatile __u16 sink_source_port = 0;
const volatile __u16 sink_destination_port = 0;
const volatile __u16 sink_udp_length = 0;

const volatile __u32 forward_ifindex = 0;
const volatile __u8 forward_macs[2 * ETH_ALEN] = {}; /* destination, source */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct load_template);
	__uint(max_entries, LOAD_MAX_FLOWS);
} templates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct load_counter);
	__uint(max_entries, 1);
} generated SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct load_counter);
	__uint(max_entries, 1);
} delivered SEC(".maps");

static __always_inline int generate(struct xdp_md *ctx)
{
	__u64 *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 zero = 0;

	struct load_counter *counter = bpf_map_lookup_elem(&generated, &zero);
	if (!counter || (void *)(data + LOAD_TEMPLATE_WORDS) > end)
		return XDP_ABORTED;
	__u32 flow = counter->packets++ % generate_flows;
	const struct load_template *template = bpf_map_lookup_elem(&templates, &flow);
	if (!template)
		return XDP_ABORTED;
	for (int i = 0; i < LOAD_TEMPLATE_WORDS; i++)
		data[i] = template->words[i];
	return bpf_redirect(generate_ifindex, 0);
}

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

static __always_inline int sink(struct xdp_md *ctx)
{
	const struct udphdr *udp = find_udp((void *)(long)ctx->data, (void *)(long)ctx->data_end);
	__u32 zero = 0;

	if (!udp)
		return XDP_PASS;
	if ((sink_source_port && udp->source != sink_source_port) ||
	    (sink_destination_port && udp->dest != sink_destination_port) ||
	    (sink_udp_length && udp->len != sink_udp_length))
		return XDP_PASS;
	struct load_counter *counter = bpf_map_lookup_elem(&delivered, &zero);
	if (counter)
		counter->packets++;
	return XDP_DROP;
}

/* One program for both: the kernel puts a program of a test run into its XDP dispatcher, and waits for an RCU
 * grace period, some 20 ms, unless it is there already, as one that is attached natively is. Without that the
 * generator would idle most of its time and keep a rate only by large bursts. */
SEC("xdp")
int generate_or_sink(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex == TEST_RUN_IFINDEX ? generate(ctx) : sink(ctx);
}

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (!find_udp(data, end))
		return XDP_PASS;
	for (int i = 0; i < 2 * ETH_ALEN; i++)
		data[i] = forward_macs[i];
	return bpf_redirect(forward_ifindex, 0);
}

/* The kernel asks for a licence that lets the helpers be used. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
