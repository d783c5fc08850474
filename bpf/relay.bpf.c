// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// relay: the media path. A datagram of a bound channel, from either side, is rewritten and sent to the other;
// two clients of this relay are joined in one pass; everything else goes on to the host's stack with not one
// byte changed. Parsing fills a packet, look-ups fill a rewrite, one routine carries it out.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "lookup.h"
#include "maps.h"
#include "parse.h"
#include "rewrite.h"

static __always_inline void charge(const struct packet *packet, const struct rewrite *rewrite)
{
	struct tp_binding_counters *counters;

	counters = bpf_map_lookup_elem(&binding_counters, &rewrite->to_peer_binding);
	if (counters) {
		count(&counters->to_peer, packet->data);
		counters->last_seen = rewrite->now;
	}
	counters = bpf_map_lookup_elem(&binding_counters, &rewrite->to_client_binding);
	if (counters) {
		count(&counters->to_client, packet->data);
		counters->last_seen = rewrite->now;
	}
}

static __always_inline enum tp_reason relay_packet(struct xdp_md *ctx, struct packet *packet,
						   struct rewrite *rewrite)
{
	enum tp_reason reason;

	reason = parse_packet(ctx, packet);
	if (reason == NO_REASON)
		reason = find_rewrite(packet, rewrite);
	if (reason == NO_REASON)
		reason = can_rewrite(packet, rewrite);
	if (reason == NO_REASON)
		reason = rewrite_packet(ctx, packet, rewrite);
	if (reason != NO_REASON)
		return reason;
	charge(packet, rewrite);
	if (packet->key.channel == 0)
		return TP_RELAYED_TO_CLIENT;
	return rewrite->channel ? TP_RELAYED_HAIRPIN : TP_RELAYED_TO_PEER;
}

/* The one place where a reason becomes a counter and a verdict. Reasons stand in the order of their verdicts.
 */
SEC("xdp")
int relay(struct xdp_md *ctx)
{
	struct packet packet = {};
	struct rewrite rewrite = {};
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
