// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What stands in a relay's place to compare it with. `redirect` is the least that any relay could do: new MAC
 * addresses and a redirect. `forward_fib` is a router: TTL, a look-up in the kernel's routes, a redirect.
 */
#include "udp_payload.h"

#define AF_INET 2 /* <sys/socket.h> needs a C library for the BPF target */
#define AF_INET6 10

const volatile __u32 redirect_ifindex = 0;
const volatile __u8 redirect_macs[2 * ETH_ALEN] = {}; /* destination, source */

SEC("xdp")
int redirect(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (!find_udp(data, end))
		return XDP_PASS;
	for (int i = 0; i < 2 * ETH_ALEN; i++)
		data[i] = redirect_macs[i];
	return bpf_redirect(redirect_ifindex, 0);
}

/* The field's checksum as TTL goes down by one (RFC 1624). */
static __always_inline void decrement_ttl(struct iphdr *ip)
{
	__u32 check = ip->check + (__u32)bpf_htons(0x0100);

	ip->check = (__u16)(check + (check >= 0xffff));
	ip->ttl--;
}

/* False when the stack must see the packet. */
static __always_inline int ask_ipv4(const struct iphdr *ip, const void *end, struct bpf_fib_lookup *fib)
{
	if ((void *)(ip + 1) > end || ip->ttl <= 1)
		return 0;
	fib->family = AF_INET;
	fib->tos = ip->tos;
	fib->l4_protocol = ip->protocol;
	fib->tot_len = bpf_ntohs(ip->tot_len);
	fib->ipv4_src = ip->saddr;
	fib->ipv4_dst = ip->daddr;
	return 1;
}

static __always_inline int ask_ipv6(const struct ipv6hdr *ip, const void *end, struct bpf_fib_lookup *fib)
{
	if ((void *)(ip + 1) > end || ip->hop_limit <= 1)
		return 0;
	fib->family = AF_INET6;
	fib->l4_protocol = ip->nexthdr;
	fib->tot_len = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	__builtin_memcpy(fib->ipv6_src, &ip->saddr, sizeof(fib->ipv6_src));
	__builtin_memcpy(fib->ipv6_dst, &ip->daddr, sizeof(fib->ipv6_dst));
	return 1;
}

SEC("xdp")
int forward_fib(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct bpf_fib_lookup fib = {};
	void *ip = ethernet + 1;

	if (!find_udp(ethernet, end) || (void *)(ethernet + 1) > end)
		return XDP_PASS;
	int v4 = ethernet->h_proto == bpf_htons(ETH_P_IP);
	if (v4 ? !ask_ipv4(ip, end, &fib) : !ask_ipv6(ip, end, &fib))
		return XDP_PASS;
	fib.ifindex = ctx->ingress_ifindex;
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return XDP_PASS;
	if (v4)
		decrement_ttl(ip);
	else
		((struct ipv6hdr *)ip)->hop_limit--;
	__builtin_memcpy(ethernet->h_dest, fib.dmac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, fib.smac, ETH_ALEN);
	return bpf_redirect(fib.ifindex, 0);
}

/* The kernel asks for a licence that lets the helpers be used. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
