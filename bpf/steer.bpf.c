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

#define AF_INET 2 /* <sys/socket.h> needs a C library for the BPF target */

/* Userspace sets max_entries of both before it loads. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct tp_steer_key);
	__type(value, struct tp_steer);
} steer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct remote {
	__u32 address[4];
	__u32 port;
};

/* FNV-1a over words, then the finalizer of MurmurHash3 so that every input bit reaches every output bit. No
 * secret: who chooses addresses to meet on one worker gains no more than by sending to it from one. */
static __always_inline __u32 hash_of(const struct remote *remote)
{
	__u32 hash = 2166136261u;

	for (int i = 0; i < 4; i++)
		hash = (hash ^ remote->address[i]) * 16777619u;
	hash = (hash ^ remote->port) * 16777619u;
	hash = (hash ^ hash >> 16) * 0x85ebca6bu;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
	return hash ^ hash >> 16;
}

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
	slot = target->first + hash_of(&remote) % target->count;
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
