/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The contract between the BPF programs and userspace: map keys and values, slots, reasons. The only header
 * that both include; compiles as C and as C++. Addresses are sixteen bytes, IPv4 as ::ffff:a.b.c.d, so one
 * key layout and one look-up serve both families. Ports and channels in keys are as on the wire.
 *
 * How slots are published (bindings and next hops are arrays that userspace maps into its memory):
 *   writer: generation = 0; the fields; generation = g          (each a release store)
 *   reader: g = generation; the slot is for the key that was looked up; copy; generation still g and as the
 *           flow entry says, else the slot is stale
 * A freed slot keeps generation 0 and rests for a while before it is used again, with a generation it never
 * had before. An expiry alone is one aligned 8-byte store and needs no new generation.
 */
#ifndef TURNPIKE_BPF_ABI_H
#define TURNPIKE_BPF_ABI_H

#include <linux/types.h>

#ifdef __cplusplus
#define TP_ABI_ASSERT(condition) static_assert(condition, #condition)
#else
#define TP_ABI_ASSERT(condition) _Static_assert(condition, #condition)
#endif

/* Raised whenever a layout or a meaning below changes; stands in the names of pinned maps' directory. */
#define TP_ABI_VERSION 1

/* Which packets a flow entry, and so the one probe per packet, matches. */
struct tp_flow_key {
	__u8 remote[16];    /* the packet's source */
	__u8 local[16];     /* the packet's destination: an address of this host */
	__be16 remote_port;
	__be16 local_port;
	__be16 channel;     /* ChannelData from a client: its channel number; a peer's datagram: 0 */
	__u16 pad;          /* 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_flow_key) == 40);

struct tp_flow {
	__u32 binding;    /* slot in `bindings` */
	__u32 generation; /* that the slot must still have */
};
TP_ABI_ASSERT(sizeof(struct tp_flow) == 8);

struct tp_endpoint {
	__u8 address[16];
	__be16 port;
	__u16 pad; /* 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_endpoint) == 20);

enum tp_binding_flags {
	/* The peer is a relayed address of this host: a second probe looks for its binding (hairpin). */
	TP_BINDING_PEER_IS_RELAYED = 1,
};

/* One channel of one allocation, both directions. 128 bytes: two cache lines. */
struct tp_binding {
	__u32 generation; /* 0: free or being written */
	__u32 flags;      /* enum tp_binding_flags */
	__u64 channel_expires;    /* CLOCK_MONOTONIC, ns; a packet at or after it is not relayed */
	__u64 permission_expires; /* likewise */
	__u32 allocation;         /* slot in `allocations` */
	__u32 client_next_hop;    /* slots in `next_hops` */
	__u32 peer_next_hop;
	__be16 channel;
	__u16 pad;                /* 0 */
	struct tp_endpoint client;
	struct tp_endpoint server;  /* the listening address that the client uses */
	struct tp_endpoint relayed; /* as on the interface */
	struct tp_endpoint peer;
	__u8 reserved[8];           /* 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_binding) == 128);

struct tp_allocation {
	__u64 expires; /* CLOCK_MONOTONIC, ns; 0: none */
};
TP_ABI_ASSERT(sizeof(struct tp_allocation) == 8);

/* Slot 0 is never resolved: what has no route points there. */
struct tp_next_hop {
	__u32 generation; /* 0: unresolved or being written */
	__u32 ifindex;
	__u32 mtu;        /* of IP packets, bytes */
	__u8 source_mac[6];
	__u8 destination_mac[6];
	__u8 reserved[8]; /* 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_next_hop) == 32);

/* Per CPU. */
struct tp_counter {
	__u64 packets;
	__u64 bytes; /* application data: UDP payload without the ChannelData header; for packets that were not
	              * recognised that far, 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_counter) == 16);

/* Per CPU and binding. */
struct tp_binding_counters {
	struct tp_counter to_peer;
	struct tp_counter to_client;
	__u64 last_seen; /* CLOCK_MONOTONIC, ns */
};
TP_ABI_ASSERT(sizeof(struct tp_binding_counters) == 40);

/* What became of a packet, and why. X(enumerator, name in output, meaning). Each has a counter in `reasons`.
 * RELAYED_* left through the fast path; PASS_* went on to the host's stack with not one byte changed; DROP_*
 * were refused. */
#define TP_REASONS(X)                                                                                        \
	X(RELAYED_TO_PEER, "relayed_to_peer", "ChannelData from a client, sent to its peer")                 \
	X(RELAYED_TO_CLIENT, "relayed_to_client", "datagram from a peer, sent to the client as ChannelData") \
	X(RELAYED_HAIRPIN, "relayed_hairpin", "ChannelData between two clients of this relay, in one pass")  \
	X(PASS_NOT_IP, "not_ip", "not IPv4 or IPv6")                                                         \
	X(PASS_NOT_UDP, "not_udp", "IP, but not UDP")                                                        \
	X(PASS_IP_OPTIONS, "ip_options", "IPv4 options")                                                     \
	X(PASS_FRAGMENT, "fragment", "a fragment")                                                           \
	X(PASS_MALFORMED, "malformed", "header lengths that disagree with the frame or each other")          \
	X(PASS_IP_CHECKSUM, "ip_checksum", "wrong IPv4 header checksum")                                     \
	X(PASS_STUN, "stun", "a STUN message")                                                               \
	X(PASS_NO_FLOW, "no_flow", "no binding for this 5-tuple and channel")                                \
	X(PASS_CHANNEL_LENGTH, "channel_length", "ChannelData length disagrees with the datagram")           \
	X(PASS_STALE, "stale", "the binding was being changed or had been replaced")                         \
	X(PASS_CHANNEL_EXPIRED, "channel_expired", "the channel's time is over")                             \
	X(PASS_PERMISSION_EXPIRED, "permission_expired", "the permission's time is over")                    \
	X(PASS_ALLOCATION_EXPIRED, "allocation_expired", "the allocation's time is over")                    \
	X(PASS_TTL, "ttl", "TTL or hop limit of 1 or 0")                                                     \
	X(PASS_CHECKSUM_PARTIAL, "checksum_partial", "UDP checksum not filled in yet by a local sender")     \
	X(PASS_CHECKSUM_ZERO, "checksum_zero", "no UDP checksum where the outgoing family needs one")        \
	X(PASS_NEXT_HOP, "next_hop", "next hop not resolved")                                                \
	X(PASS_MTU, "mtu", "larger than the outgoing interface's MTU")                                       \
	X(PASS_HEADROOM, "headroom", "the driver gave no room for the new header")                           \
	X(PASS_HAIRPIN_NO_CHANNEL, "hairpin_no_channel", "the other client of this relay has no channel back") \
	X(DROP_REWRITE, "rewrite", "the packet could not be rebuilt after its header was moved")

enum tp_reason {
#define TP_REASON_ENUMERATOR(name, text, meaning) TP_##name,
	TP_REASONS(TP_REASON_ENUMERATOR)
#undef TP_REASON_ENUMERATOR
	TP_REASON_COUNT
};

/* Steering: which sockets get the datagrams for a local UDP port (sk_lookup program). */
struct tp_steer_key {
	__u8 local[16];
	__be16 local_port;
	__u16 pad; /* 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_steer_key) == 20);

/* Slots first..first+count-1 of `sockets`; a hash of the remote endpoint picks one. A relay port has count 1,
 * its worker; a listening port one slot a worker, so that a 5-tuple always reaches the same. */
struct tp_steer {
	__u32 first;
	__u32 count; /* at least 1 */
};
TP_ABI_ASSERT(sizeof(struct tp_steer) == 8);

#endif /* TURNPIKE_BPF_ABI_H */
