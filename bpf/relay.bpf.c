// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// relay: the media path. What a client sends to a permitted peer, as ChannelData or in a Send indication, and
// what such a peer sends back, is rewritten and sent on; two clients of this relay are joined in one pass; some
// of what strangers send is answered or refused; everything else goes on to the host's stack with not one byte
// changed. Parsing fills a packet, look-ups fill a rewrite, one routine carries it out.
//
// Functions that are neither static nor inlined are verified by themselves, once, whatever leads to them: that
// keeps the work of the verifier a sum where it would be a product.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "defence.h"
#include "events.h"
#include "lookup.h"
#include "maps.h"
#include "parse.h"
#include "police.h"
#include "rewrite.h"

/* One end's share of a relayed packet. */
static __always_inline void charge_end(const struct rewrite *rewrite, __u32 direction, __u32 bytes)
{
	__u32 slot = rewrite->allocations[direction];
	struct tp_allocation_counters *counters = bpf_map_lookup_elem(&allocation_counters, &slot);

	if (counters) {
		count(direction == TP_TO_PEER ? &counters->to_peer : &counters->to_client, bytes);
		counters->last_seen = rewrite->now;
	}
	if (rewrite->limited)
		charge_limits(slot, direction, bytes, rewrite->now);
}

static __always_inline void charge(const struct packet *packet, const struct rewrite *rewrite)
{
	if (goes_to_peer(rewrite))
		charge_end(rewrite, TP_TO_PEER, packet->data);
	if (goes_to_client(rewrite))
		charge_end(rewrite, TP_TO_CLIENT, packet->data);
}

/* Everything that may end the packet's way before it is changed. */
static __always_inline enum tp_reason plan(struct xdp_md *ctx, const struct tp_control *control,
					   struct packet *packet, struct rewrite *rewrite)
{
	const struct tp_flow *flow;
	struct cursor payload;
	enum tp_reason reason;

	reason = parse_packet(ctx, packet, &payload);
	if (reason != NO_REASON)
		return reason;
	flow = find_flow(&payload, packet);
	if (control->blocked && is_blocked(packet, flow != (void *)0))
		return TP_DROP_BLOCKED;
	reason = flow ? follow_flow(ctx, &payload, packet, flow, rewrite) : judge_stranger(ctx, packet, rewrite);
	if (reason == NO_REASON)
		reason = can_rewrite(packet, rewrite);
	if (reason == NO_REASON && rewrite->limited) {
		rewrite->now = bpf_ktime_get_ns(); /* rates are precise */
		reason = police(ctx, packet, rewrite);
	}
	if (reason == TP_PASS_MTU)
		tell_too_big(ctx, packet, rewrite);
	return reason;
}

static __always_inline enum tp_reason name_success(const struct rewrite *rewrite)
{
	if (rewrite->answer)
		return TP_ANSWERED_BINDING;
	if (goes_to_peer(rewrite) && goes_to_client(rewrite))
		return TP_RELAYED_HAIRPIN;
	if (goes_to_peer(rewrite))
		return rewrite->kind == TP_BINDING_CLIENT ? TP_RELAYED_SEND : TP_RELAYED_TO_PEER;
	return rewrite->kind == TP_BINDING_PERMISSION ? TP_RELAYED_DATA : TP_RELAYED_TO_CLIENT;
}

static __always_inline enum tp_reason relay_packet(struct xdp_md *ctx, struct packet *packet,
						   struct rewrite *rewrite)
{
	const struct tp_control *control = find_control();
	enum tp_reason reason;
	__u64 sequence = 0;

	if (!control)
		return TP_PASS_NO_FLOW;
	reason = plan(ctx, control, packet, rewrite);
	if (control->trace)
		sequence = trace_in(ctx, rewrite);
	if (reason == NO_REASON)
		reason = rewrite_packet(ctx, packet, rewrite);
	if (reason == NO_REASON) {
		charge(packet, rewrite);
		reason = name_success(rewrite);
	}
	if (sequence)
		trace_out(ctx, rewrite, sequence, reason);
	return reason;
}

/* The one place where a reason becomes a counter and a verdict. Reasons stand in the order of their verdicts.
 */
SEC("xdp")
int relay(struct xdp_md *ctx)
{
	struct rewrite rewrite = {.allocations = {NO_ALLOCATION, NO_ALLOCATION}};
	struct packet packet = {};
	__u32 reason = relay_packet(ctx, &packet, &rewrite);
	struct tp_counter *counter = bpf_map_lookup_elem(&reasons, &reason);

	if (counter)
		count(counter, packet.data);
	if (reason >= TP_DROP_REWRITE)
		return XDP_DROP;
	if (reason >= TP_PASS_NOT_IP)
		return XDP_PASS;
	/* Never XDP_TX: a veth whose peer has no program loses what is sent back that way. */
	return bpf_redirect(rewrite.next_hop.ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
