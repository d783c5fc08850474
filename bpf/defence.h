/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * What strangers may send. Only what is addressed to the relay's own ports is judged: everything else is the
 * host's. Drops nothing that the slow path would not refuse. */
#ifndef TURNPIKE_BPF_DEFENCE_H
#define TURNPIKE_BPF_DEFENCE_H

#include "answer.h"
#include "gcra.h"
#include "plan.h"
#include "rewrite.h"
#include "stun.h"

/* First bytes (RFC 7983, RFC 8656 §12): STUN up to 3, ChannelData 64-127; DTLS and others lie between. */
#define LAST_STUN_BYTE   3
#define FIRST_ALIEN_BYTE 128

#define LONGEST_PREFIX 128 /* bits */

static __always_inline const struct tp_steer *find_port(const struct packet *packet)
{
	struct tp_steer_key key __attribute__((aligned(4))) = {};

	copy_address(key.local, packet->key.local);
	key.local_port = packet->key.local_port;
	return bpf_map_lookup_elem(&steer, &key);
}

static __always_inline _Bool is_own_address(const __u8 *address)
{
	struct map_address key __attribute__((aligned(4)));

	copy_address(&key, address);
	return bpf_map_lookup_elem(&own_addresses, &key) != (void *)0;
}

/* `ours`: a flow was found for it. */
__noinline int is_blocked(const struct packet *packet, int ours)
{
	struct tp_prefix key __attribute__((aligned(4)));
	const struct tp_block *block;

	if (!packet)
		return 0;
	key.length = LONGEST_PREFIX;
	copy_address(key.address, packet->key.remote);
	block = bpf_map_lookup_elem(&blocked, &key);
	if (!block || bpf_ktime_get_ns() >= load_u64(&block->expires))
		return 0;
	return ours || find_port(packet);
}

static __always_inline _Bool may_be_turn(const struct cursor *payload, const struct packet *packet)
{
	const __u8 *first = payload->position;

	if (!payload_has(payload, packet, 1))
		return 1; /* empty: some clients keep their NAT's mapping so */
	if (*first >= FIRST_ALIEN_BYTE)
		return 0;
	return *first > LAST_STUN_BYTE || is_stun(payload, packet);
}

/* Null: there is no memory for it. */
static __always_inline struct tp_budget *find_budget(const struct packet *packet)
{
	const struct tp_budget untouched = {};
	struct tp_source source __attribute__((aligned(8)));
	struct tp_budget *budget;

	copy_address(source.address, packet->key.remote);
	if (!packet->ipv4)
		__builtin_memset(source.address + 8, 0, 8);
	budget = bpf_map_lookup_elem(&source_budgets, &source);
	if (budget)
		return budget;
	bpf_map_update_elem(&source_budgets, &source, &untouched, BPF_NOEXIST);
	return bpf_map_lookup_elem(&source_budgets, &source);
}

/* A request from a 5-tuple without an allocation: answered here, over its source's budget, or the slow path's. */
static __always_inline enum tp_reason judge_request(struct xdp_md *ctx, const struct cursor *payload,
						    struct packet *packet, const struct tp_control *control,
						    struct rewrite *rewrite)
{
	_Bool answers = (control->flags & TP_CONTROL_ANSWER_BINDING) && is_bare_binding(payload, packet);
	enum tp_reason reason = answers ? judge_checksum(packet, 0) : TP_PASS_STUN;
	__u64 now = ticks_at(bpf_ktime_get_ns());
	struct tp_budget *budget;

	if (!answers && !control->request_cost)
		return reason;
	budget = find_budget(packet);
	if (!budget)
		return reason == NO_REASON ? TP_PASS_STUN : reason;
	if (reason == NO_REASON) {
		reason = TP_PASS_STUN;
		if (conforms(&budget->bindings_at, control->binding_burst, now) &&
		    plan_answer(ctx, payload, packet, rewrite)) {
			spend(&budget->bindings_at, now, control->binding_cost);
			return NO_REASON;
		}
	}
	if (control->request_cost == 0)
		return reason;
	if (!conforms(&budget->requests_at, control->request_burst, now))
		return TP_DROP_SOURCE_BUDGET;
	spend(&budget->requests_at, now, control->request_cost);
	return reason;
}

/* A datagram for which there is no flow. NO_REASON: it is answered. */
__noinline int judge_stranger(struct xdp_md *ctx, struct packet *packet, struct rewrite *rewrite)
{
	const struct tp_control *control = find_control();
	const struct stun_header *header;
	const struct tp_steer *port;
	struct cursor payload;
	_Bool stun;

	if (!control || !packet || !rewrite)
		return TP_PASS_NO_FLOW;
	payload = find_payload(ctx, packet);
	header = payload.position;
	stun = is_stun(&payload, packet);
	port = find_port(packet);
	if (!port) {
		if (packet->remote_port == 0)
			return TP_PASS_MALFORMED;
		return stun ? TP_PASS_STUN : TP_PASS_NO_FLOW;
	}
	if (packet->remote_port == 0)
		return TP_DROP_SOURCE_PORT;
	if (is_own_address(packet->key.remote))
		return TP_DROP_REFLECTED;
	if (port->kind != TP_STEER_LISTENING)
		return stun ? TP_PASS_STUN : TP_PASS_NO_FLOW;
	if (!may_be_turn(&payload, packet))
		return TP_DROP_NOT_TURN;
	if (!stun)
		return TP_PASS_NO_FLOW;
	if (!payload_has(&payload, packet, STUN_HEADER_SIZE) || (header->type & STUN_CLASS_BITS))
		return TP_PASS_STUN;
	return judge_request(ctx, &payload, packet, control, rewrite);
}

#endif /* TURNPIKE_BPF_DEFENCE_H */
