// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// steer: gives each UDP datagram for a listening port or an owned relay port to a worker's socket, whatever
// that socket is bound to. Ports that are not in `steer` stay the host's. The kernel asks only when no
// connected socket matches, so a host's own exchanges are not touched.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/in.h>

#include "abi.h"
#include "steer_map.h"

#define AF_INET 2 /* <sys/socket.h> needs a C library for the BPF target */

/* Userspace sets max_entries before it loads. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct remote {
	__u32 address[4];
	__be16 port;
};

/* The two ends as in the maps: IPv4 as ::ffff:a.b.c.d. Both families' fields are read, through a volatile
 * context, before one is chosen: the verifier refuses a load through a pointer that the compiler chose
 * between two fields. Those of the other family read as 0. */
static __always_inline void read_ends(const volatile struct bpf_sk_lookup *ctx, struct tp_steer_key *key,
				      struct remote *remote)
{
	__u32 mapped = ctx->family == AF_INET ? bpf_htonl(0xffff) : 0;
	__u32 local[4];

	for (int i = 0; i < 4; i++) {
		local[i] = ctx->local_ip6[i];
		remote->address[i] = ctx->remote_ip6[i];
	}
	local[2] |= mapped;
	local[3] |= ctx->local_ip4;
	remote->address[2] |= mapped;
	remote->address[3] |= ctx->remote_ip4;
	__builtin_memcpy(key->local, local, sizeof(local));
	key->local_port = bpf_htons((__u16)ctx->local_port);
	remote->port = ctx->remote_port;
}

SEC("sk_lookup")
int steer_datagram(struct bpf_sk_lookup *ctx)
{
	struct tp_steer_key key = {};
	struct remote remote = {};
	const struct tp_steer *target;
	struct bpf_sock *socket;
	__u32 slot;

	if (ctx->protocol != IPPROTO_UDP)
		return SK_PASS;
	read_ends(ctx, &key, &remote);
	target = bpf_map_lookup_elem(&steer, &key);
	if (!target || target->count == 0)
		return SK_PASS;
	slot = target->first + tp_steer_hash(remote.address, remote.port) % target->count;
	socket = bpf_map_lookup_elem(&sockets, &slot);
	if (!socket)
		return SK_PASS;
	/* Without this flag a SO_REUSEPORT group would choose again. When the kernel refuses (a closing
	 * socket, another program was first) the host's own look-up decides: SK_PASS in either case. */
	bpf_sk_assign(ctx, socket, BPF_SK_LOOKUP_F_NO_REUSEPORT);
	bpf_sk_release(socket);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
