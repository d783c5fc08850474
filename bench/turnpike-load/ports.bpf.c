// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * `share_ports` gives the datagrams for a range of ports to few sockets, each port always to the same one.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "load_abi.h"

#define AF_INET 2 /* <sys/socket.h> needs a C library for the BPF target */

struct address {
	__u32 words[4]; /* IPv4 as ::ffff:a.b.c.d */
};

const volatile __u32 first_port = 1; /* in the host's byte order */
const volatile __u32 last_port = 0;
const volatile __u32 socket_count = 1;
const volatile __u16 remote_port = 0; /* as on the wire; 0: whoever sends */
const volatile __u32 remote_address[4] = {};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, LOAD_MAX_SOCKETS);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

/* The host's addresses whose ports these are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct address);
	__type(value, __u8);
} addresses SEC(".maps");

/* Both families' fields are read, through a volatile context, before one is chosen: the verifier refuses a
 * load through a pointer that the compiler chose between two fields. Those of the other family read as 0. */
static __always_inline void read_ends(const volatile struct bpf_sk_lookup *ctx, struct address *local,
				      struct address *remote)
{
	__u32 mapped = ctx->family == AF_INET ? bpf_htonl(0xffff) : 0;

	for (int i = 0; i < 4; i++) {
		local->words[i] = ctx->local_ip6[i];
		remote->words[i] = ctx->remote_ip6[i];
	}
	local->words[2] |= mapped;
	local->words[3] |= ctx->local_ip4;
	remote->words[2] |= mapped;
	remote->words[3] |= ctx->remote_ip4;
}

static __always_inline int is_remote(const struct address *remote, __u16 port)
{
	if (!remote_port)
		return 1;
	for (int i = 0; i < 4; i++)
		if (remote->words[i] != remote_address[i])
			return 0;
	return port == remote_port;
}

SEC("sk_lookup")
int share_ports(struct bpf_sk_lookup *ctx)
{
	struct address local = {}, remote = {};
	__u32 port = ctx->local_port;
	__u32 slot = port % socket_count;

	if (ctx->protocol != IPPROTO_UDP || port < first_port || port > last_port)
		return SK_PASS;
	read_ends(ctx, &local, &remote);
	if (!is_remote(&remote, ctx->remote_port) || !bpf_map_lookup_elem(&addresses, &local))
		return SK_PASS;
	struct bpf_sock *socket = bpf_map_lookup_elem(&sockets, &slot);
	if (!socket)
		return SK_PASS;
	/* Refused when another program was first: then the host's own look-up decides. */
	bpf_sk_assign(ctx, socket, BPF_SK_LOOKUP_F_NO_REUSEPORT);
	bpf_sk_release(socket);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
