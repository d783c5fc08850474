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

/* Raised whenever a layout or a meaning below changes: a relay takes over only pinned maps of its own version. */
#define TP_ABI_VERSION 3

/* Which packets a flow entry matches.
 *   channel     remote, local: client and server        channel: the number      ChannelData from a client
 *               remote, local: peer and relayed         channel: 0               a bound peer's datagram
 *   permission  remote: a peer's address, port 0; local: relayed; channel: 0     any other port of a permitted
 *                                                                                address
 *   client      remote, local: client and server        channel: 0               STUN from a client: its Send
 *                                                                                indications, and known to be its
 */
struct tp_flow_key {
	__u8 remote[16];    /* the packet's source */
	__u8 local[16];     /* the packet's destination: an address of this host */
	__be16 remote_port;
	__be16 local_port;
	__be16 channel;
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

enum tp_binding_kind {
	TP_BINDING_CHANNEL = 1,    /* two flows: from the client, from the peer */
	TP_BINDING_PERMISSION = 2, /* one flow: from the peer's address; peer.port and channel are 0 */
	TP_BINDING_CLIENT = 3,     /* one flow: from the client; peer is zero, no next hops */
};

enum tp_binding_flags {
	/* The peer's address is this relay's own: a datagram to it stays inside (hairpin: a second probe looks
	 * for the other client's binding) or is the slow path's to judge; it never leaves by a next hop. */
	TP_BINDING_PEER_IS_RELAYED = 1,
};

/* What an allocation may relay, as the fast path needs it. 128 bytes: two cache lines. */
struct tp_binding {
	__u32 generation; /* 0: free or being written */
	__u8 kind;        /* enum tp_binding_kind */
	__u8 flags;       /* enum tp_binding_flags */
	__be16 channel;
	__u64 channel_expires;    /* CLOCK_MONOTONIC, ns; a packet at or after it is not relayed; no channel: all ones */
	__u64 permission_expires; /* likewise */
	__u32 allocation;         /* slot in `allocations` */
	__u32 client_next_hop;    /* slots in `next_hops` */
	__u32 peer_next_hop;
	__u32 last_generation;    /* for userspace: that the slot has or had; stays when it is freed */
	struct tp_endpoint client;
	struct tp_endpoint server;  /* the listening address that the client uses */
	struct tp_endpoint relayed; /* as on the interface */
	struct tp_endpoint peer;
	__u8 reserved[8];           /* 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_binding) == 128);

/* Limits of an allocation or of a user, for each direction by itself but for the quota. A rate is kept by the
 * generic cell rate algorithm: `*_at` is when the bucket will be full again, a packet conforms while that lies
 * at most `burst` ahead of now, and then moves it on by its cost. Times are in units of 1/16 ns ("ticks"), so
 * that no rounding adds up. The kernel and the slow path share these words and change them atomically.
 * All are checked before a packet is changed and charged once it was relayed: the allocation's rate, its
 * user's, the allocation's quota, its user's; in a hairpin the sender's before the receiver's. A packet that
 * would take `used` over the quota is refused. */
#define TP_TICK_SHIFT 4  /* ticks = ns << 4 */
#define TP_COST_SHIFT 16 /* of byte_cost below a tick: cost of n bytes = n * byte_cost >> 16 */
enum tp_direction { TP_TO_PEER = 0, TP_TO_CLIENT = 1 };
struct tp_policer {
	__u64 byte_cost;   /* of application data, 2^-16 ticks a byte; 0: no limit. Rates from 1000 bytes/s */
	__u64 packet_cost; /* ticks a packet; 0: no limit */
	__u64 burst;       /* ticks */
	__u64 bytes_at[2]; /* by enum tp_direction */
	__u64 packets_at[2];
	__u64 quota; /* bytes, both directions together; 0: none */
	__u64 used;  /* bytes; counted only when there is a quota */
	__u64 told_at; /* CLOCK_MONOTONIC, ns: when the program last sent a TP_EVENT_LIMIT about it */
};
TP_ABI_ASSERT(sizeof(struct tp_policer) == 80);

struct tp_allocation {
	__u64 id;      /* AllocationId; 0: the slot is free */
	__u64 expires; /* CLOCK_MONOTONIC, ns; 0: nothing is relayed */
	__u32 user;    /* slot in `users`; 0: the user has no limits */
	__u32 pad;     /* 0 */
	struct tp_policer policer;
};
TP_ABI_ASSERT(sizeof(struct tp_allocation) == 104);

/* Slot 0 is nobody's and has no limits. */
struct tp_user {
	struct tp_policer policer;
};
TP_ABI_ASSERT(sizeof(struct tp_user) == 80);

/* Slot 0 is never resolved: what has no route points there. */
struct tp_next_hop {
	__u32 generation; /* 0: unresolved or being written */
	__u32 ifindex;    /* of the device that transmits: below all VLANs */
	__u32 mtu;        /* of IP packets, bytes */
	__u8 source_mac[6];
	__u8 destination_mac[6];
	__be16 vlan_protocol[2]; /* 0x8100 or 0x88a8, the outer tag first; 0: no tag */
	__be16 vlan_tag[2];      /* TCI: priority 0 and the VLAN's id */
};
TP_ABI_ASSERT(sizeof(struct tp_next_hop) == 32);

/* Which tags are the host's on the device that receives: the stack drops others, and so does not get them
 * relayed. Tags with VLAN id 0 (priority only) count as none and are not in the key. Value: __u32, ifindex of
 * the VLAN's device. */
struct tp_vlan_key {
	__u32 ifindex;      /* that the frame came in by */
	__be16 protocol[2]; /* the outer first; 0: no tag */
	__be16 id[2];       /* VLAN ids without priority and DEI */
};
TP_ABI_ASSERT(sizeof(struct tp_vlan_key) == 12);

/* Per CPU. */
struct tp_counter {
	__u64 packets;
	__u64 bytes; /* application data: UDP payload without the ChannelData or STUN framing; for packets that
	              * were not recognised that far, 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_counter) == 16);

/* Per CPU and allocation slot. */
struct tp_allocation_counters {
	struct tp_counter to_peer;
	struct tp_counter to_client;
	struct tp_counter refused; /* by limits */
	__u64 last_seen;           /* CLOCK_MONOTONIC, ns */
};
TP_ABI_ASSERT(sizeof(struct tp_allocation_counters) == 56);

/* 1:1 NAT: relay addresses as on the interfaces (local) and as clients and peers name them (external). Two
 * entries a pair; value: the other address, sixteen bytes. */
struct tp_translation_key {
	__u8 address[16];
	__u32 to_external; /* 1: `address` is local; 0: it is external */
};
TP_ABI_ASSERT(sizeof(struct tp_translation_key) == 20);

/* Key of `blocked` (longest prefix match); IPv4 prefixes are 96 longer. */
struct tp_prefix {
	__u32 length;
	__u8 address[16];
};
TP_ABI_ASSERT(sizeof(struct tp_prefix) == 20);

struct tp_block {
	__u64 expires; /* CLOCK_MONOTONIC, ns; all ones: never */
};

/* Key of `source_budgets`: who has spent how much. An IPv6 source counts by its /64. */
struct tp_source {
	__u8 address[16];
};

struct tp_budget {
	__u64 requests_at; /* ticks, as in tp_policer: STUN requests from 5-tuples without an allocation */
	__u64 bindings_at; /* ticks: Binding requests answered by the program */
};
TP_ABI_ASSERT(sizeof(struct tp_budget) == 16);

enum tp_control_flags {
	TP_CONTROL_ANSWER_BINDING = 1, /* Binding requests are answered by the program */
};

/* The one entry of `control`: what userspace tells the program while it runs. Each field is one aligned word. */
struct tp_control {
	__u32 abi_version; /* TP_ABI_VERSION: always the first word of this map */
	__u32 flags;       /* enum tp_control_flags */
	__u32 blocked;     /* entries in `blocked`; 0: not looked at */
	__u32 translations; /* entries in `translations`; 0: not looked at */
	__u64 request_cost; /* ticks a request, per source; 0: no limit */
	__u64 request_burst;
	__u64 binding_cost; /* ticks an answered Binding request, per source; never 0 */
	__u64 binding_burst;
	__u64 trace;        /* AllocationId whose packets go to `events`; 0: none */
	__u64 trace_cost;   /* ticks a packet; what exceeds it is counted in trace_lost */
	__u64 trace_burst;
	__u64 trace_at;
	__u64 trace_lost;
	__u64 too_big_cost; /* ticks an event of TP_EVENT_TOO_BIG; never 0 */
	__u64 too_big_burst;
	__u64 too_big_at;
};
TP_ABI_ASSERT(sizeof(struct tp_control) == 112);

enum tp_event_kind {
	TP_EVENT_TRACE_IN = 1,  /* a traced packet as it came; the same sequence follows in TP_EVENT_TRACE_OUT */
	TP_EVENT_TRACE_OUT = 2, /* what became of it: reason; the packet as it left when it was relayed, else no data */
	TP_EVENT_LIMIT = 3,     /* a limit refuses packets of `allocation`: reason; at most one a second each */
	TP_EVENT_TOO_BIG = 4,   /* an IP packet that its sender wants whole does not fit: `mtu` is the largest that would,
	                         * at the sender's side; the packet itself went on to the slow path */
};

#define TP_EVENT_DATA 2048

/* In the ring buffer `events`. A record is as long as its data asks: all of this when `captured` is not 0, else
 * TP_EVENT_HEADER bytes, without `data`. */
#define TP_EVENT_HEADER 48
struct tp_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u64 allocation; /* AllocationId */
	__u64 sequence;   /* pairs TRACE_IN and TRACE_OUT */
	__u32 kind;       /* enum tp_event_kind */
	__u32 reason;     /* enum tp_reason; of TRACE_IN: 0, it is not known yet */
	__u32 ifindex;    /* that the packet came in by; of TRACE_OUT: leaves by */
	__u32 mtu;        /* TP_EVENT_TOO_BIG; else 0 */
	__u32 length;     /* of the frame */
	__u32 captured;   /* bytes of it in `data`, from the Ethernet header on */
	__u8 data[TP_EVENT_DATA];
};
TP_ABI_ASSERT(sizeof(struct tp_event) == TP_EVENT_HEADER + TP_EVENT_DATA);

/* What became of a packet, and why. X(enumerator, name in output, meaning). Each has a counter in `reasons`.
 * RELAYED_* left through the fast path; ANSWERED_* were answered by it; PASS_* went on to the host's stack
 * with not one byte changed; DROP_* were refused, as the slow path would have. */
#define TP_REASONS(X)                                                                                        \
	X(RELAYED_TO_PEER, "relayed_to_peer", "ChannelData from a client, sent to its peer")                 \
	X(RELAYED_TO_CLIENT, "relayed_to_client", "datagram from a peer, sent to the client as ChannelData") \
	X(RELAYED_SEND, "relayed_send", "Send indication from a client, sent to its peer")                   \
	X(RELAYED_DATA, "relayed_data", "datagram from a peer, sent to the client as Data indication")       \
	X(RELAYED_HAIRPIN, "relayed_hairpin", "from one client of this relay to another, in one pass")       \
	X(ANSWERED_BINDING, "answered_binding", "a STUN Binding request, answered")                          \
	X(PASS_NOT_IP, "not_ip", "not IPv4 or IPv6")                                                         \
	X(PASS_VLAN, "vlan", "a VLAN tag that no interface of this host has, or more than two")              \
	X(PASS_NOT_UDP, "not_udp", "IP, but not UDP")                                                        \
	X(PASS_IP_OPTIONS, "ip_options", "IPv4 options")                                                     \
	X(PASS_FRAGMENT, "fragment", "a fragment")                                                           \
	X(PASS_MALFORMED, "malformed", "header lengths that disagree with the frame or each other")          \
	X(PASS_IP_CHECKSUM, "ip_checksum", "wrong IPv4 header checksum")                                     \
	X(PASS_STUN, "stun", "a STUN message for the relay itself")                                          \
	X(PASS_NO_FLOW, "no_flow", "no binding for this 5-tuple and channel")                                \
	X(PASS_INDICATION, "indication", "a Send indication with contents for the slow path to judge")       \
	X(PASS_NO_PERMISSION, "no_permission", "a Send indication to a peer without a permission")           \
	X(PASS_CHANNEL_LENGTH, "channel_length", "ChannelData length disagrees with the datagram")           \
	X(PASS_STALE, "stale", "the binding was being changed or had been replaced")                         \
	X(PASS_CHANNEL_EXPIRED, "channel_expired", "the channel's time is over")                             \
	X(PASS_PERMISSION_EXPIRED, "permission_expired", "the permission's time is over")                    \
	X(PASS_ALLOCATION_EXPIRED, "allocation_expired", "the allocation's time is over")                    \
	X(PASS_TTL, "ttl", "TTL or hop limit of 1 or 0")                                                     \
	X(PASS_CHECKSUM_PARTIAL, "checksum_partial", "UDP checksum not filled in yet by a local sender")     \
	X(PASS_CHECKSUM_ZERO, "checksum_zero", "no UDP checksum where the outgoing packet needs one")        \
	X(PASS_NEXT_HOP, "next_hop", "next hop not resolved")                                                \
	X(PASS_MTU, "mtu", "larger than the outgoing interface's MTU")                                       \
	X(PASS_ROOM, "room", "the driver gave no room for the new header or padding")                        \
	X(PASS_HAIRPIN, "hairpin", "the peer is another client of this relay that permits no such packet")   \
	X(DROP_REWRITE, "rewrite", "the packet could not be rebuilt after its header was moved")             \
	X(DROP_BLOCKED, "blocked", "a blocked source")                                                       \
	X(DROP_SOURCE_PORT, "source_port", "source port 0")                                                  \
	X(DROP_REFLECTED, "reflected", "this host's own address as the source")                              \
	X(DROP_NOT_TURN, "not_turn", "neither STUN nor ChannelData, at a listening address")                 \
	X(DROP_SOURCE_BUDGET, "source_budget", "more requests without an allocation than a source may send") \
	X(DROP_ALLOCATION_RATE, "allocation_rate", "over the allocation's rate")                             \
	X(DROP_USER_RATE, "user_rate", "over the user's rate")                                               \
	X(DROP_ALLOCATION_QUOTA, "allocation_quota", "the allocation's quota is used up")                    \
	X(DROP_USER_QUOTA, "user_quota", "the user's quota is used up")

enum tp_reason {
#define TP_REASON_ENUMERATOR(name, text, meaning) TP_##name,
	TP_REASONS(TP_REASON_ENUMERATOR)
#undef TP_REASON_ENUMERATOR
	TP_REASON_COUNT
};

/* Steering: which sockets get the datagrams for a local UDP port (sk_lookup program), and so which ports are
 * the relay's (XDP program). */
struct tp_steer_key {
	__u8 local[16];
	__be16 local_port;
	__u16 pad; /* 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_steer_key) == 20);

enum tp_steer_kind { TP_STEER_LISTENING = 1, TP_STEER_RELAY = 2 };

/* Slots first..first+count-1 of `sockets`; tp_steer_hash() of the remote endpoint picks one. A relay port has
 * count 1, its worker; a listening port one slot a worker, so that a 5-tuple always reaches the same. */
struct tp_steer {
	__u32 first;
	__u32 count; /* at least 1 */
	__u32 kind;  /* enum tp_steer_kind */
};
TP_ABI_ASSERT(sizeof(struct tp_steer) == 12);

/* FNV-1a over words, then the finalizer of MurmurHash3 so that every input bit reaches every output bit. No
 * secret: who chooses addresses to meet on one worker gains no more than by sending to it from one. `address`
 * as in the keys, by words in memory order; `port` as on the wire. */
static inline __u32 tp_steer_hash(const __u32 address[4], __be16 port)
{
	__u32 hash = 2166136261u;

	for (int i = 0; i < 4; i++)
		hash = (hash ^ address[i]) * 16777619u;
	hash = (hash ^ port) * 16777619u;
	hash = (hash ^ hash >> 16) * 0x85ebca6bu;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
	return hash ^ hash >> 16;
}

/* The durable records, of which a restarted relay makes its sessions again. Only userspace reads them. Hash
 * maps: `sessions` by AllocationId (__u64), and what each session may do by the keys below. Times are
 * CLOCK_MONOTONIC, ns: the records live as long as the boot. Integrity keys are not kept; they are derived
 * from the name and the configuration at each request. */
#define TP_USERNAME_SIZE 512 /* RFC 8489 §14.3: at most 508 bytes */
/* That far a user name is in the record itself, which with the kernel's header fills 256 bytes; what a longer
 * one has beyond is in `session_names`, by AllocationId too. */
#define TP_SHORT_USERNAME 48

struct tp_totals { /* packets and bytes that the process relayed */
	__u64 to_peer_packets;
	__u64 to_peer_bytes;
	__u64 to_client_packets;
	__u64 to_client_bytes;
};
TP_ABI_ASSERT(sizeof(struct tp_totals) == 32);

struct tp_session {
	__u64 created;
	__u64 expires;
	struct tp_endpoint client;
	struct tp_endpoint server;
	struct tp_endpoint relayed;
	__u8 transport;                 /* turnpike::Transport */
	__u8 additional_family_refused; /* what the Allocate was answered, for its retransmissions */
	__u8 has_reservation;
	__u8 pad; /* 0 */
	__u8 reservation_token[8];
	__u8 transaction_id[12];
	__u32 granted; /* seconds */
	struct tp_totals slow;
	__u32 username_length;
	__u32 pad2; /* 0 */
	char username[TP_SHORT_USERNAME];
};
TP_ABI_ASSERT(sizeof(struct tp_session) == 192);

struct tp_session_name {
	char rest[TP_USERNAME_SIZE - TP_SHORT_USERNAME];
};
TP_ABI_ASSERT(sizeof(struct tp_session_name) == 464);

struct tp_session_permission_key {
	__u64 session;
	__u8 peer[16];
};
TP_ABI_ASSERT(sizeof(struct tp_session_permission_key) == 24);

struct tp_session_permission {
	__u64 expires;
};

struct tp_session_channel_key {
	__u64 session;
	__u16 channel; /* in host order */
	__u16 pad[3];  /* 0 */
};
TP_ABI_ASSERT(sizeof(struct tp_session_channel_key) == 16);

struct tp_session_channel {
	__u64 expires;
	struct tp_endpoint peer;
	__u32 resting; /* 1: unbound, may not be bound otherwise yet (RFC 8656 §12) */
};
TP_ABI_ASSERT(sizeof(struct tp_session_channel) == 32);

#endif /* TURNPIKE_BPF_ABI_H */
