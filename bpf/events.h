/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * What the program tells userspace, through the ring buffer. When that is full an event is lost, never a
 * packet. */
#ifndef TURNPIKE_BPF_EVENTS_H
#define TURNPIKE_BPF_EVENTS_H

#include "gcra.h"
#include "plan.h"
#include "stun.h"

#define NANOSECONDS_PER_SECOND 1000000000

/* What differs between events; report() knows the rest. */
struct fact {
	__u64 allocation;
	__u64 sequence;
	__u32 kind;
	__u32 reason;
	__u32 ifindex;
	__u32 mtu;
};

static __always_inline void describe(struct tp_event *event, const struct fact *fact, __u32 length,
				     __u32 captured)
{
	event->time = bpf_ktime_get_ns();
	event->allocation = fact->allocation;
	event->sequence = fact->sequence;
	event->kind = fact->kind;
	event->reason = fact->reason;
	event->ifindex = fact->ifindex;
	event->mtu = fact->mtu;
	event->length = length;
	event->captured = captured;
}

/* False: the event is lost. */
static __always_inline _Bool report_with_frame(struct xdp_md *ctx, const struct fact *fact, __u32 length)
{
	struct tp_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	__u64 captured = length < TP_EVENT_DATA ? length : TP_EVENT_DATA;

	if (!event)
		return 0;
	/* Bounds that Linux 6.1's verifier sees only when the compiler does not make one comparison of them. */
	asm volatile("" : "+r"(captured));
	if (captured > TP_EVENT_DATA)
		captured = TP_EVENT_DATA;
	asm volatile("" : "+r"(captured));
	if (captured < sizeof(struct ethhdr) || bpf_xdp_load_bytes(ctx, 0, event->data, captured)) {
		bpf_ringbuf_discard(event, 0);
		return 0;
	}
	describe(event, fact, length, captured);
	bpf_ringbuf_submit(event, 0);
	return 1;
}

__noinline int report(struct xdp_md *ctx, const struct fact *fact, int with_frame)
{
	struct tp_event *event;
	__u32 length = (void *)(long)ctx->data_end - (void *)(long)ctx->data;

	if (!fact)
		return 0;
	if (with_frame)
		return report_with_frame(ctx, fact, length);
	event = bpf_ringbuf_reserve(&events, TP_EVENT_HEADER, 0);
	if (!event)
		return 0;
	describe(event, fact, length, 0);
	bpf_ringbuf_submit(event, 0);
	return 1;
}

static __always_inline _Bool is_traced(__u32 slot, __u64 id)
{
	const struct tp_allocation *allocation = bpf_map_lookup_elem(&allocations, &slot);

	return allocation && allocation->id == id;
}

/* A traced packet as it came. Gives the number that pairs it with what became of it; 0: it is not traced. */
__noinline __u64 trace_in(struct xdp_md *ctx, const struct rewrite *rewrite)
{
	struct tp_control *control = find_control();
	struct fact fact = {.kind = TP_EVENT_TRACE_IN, .ifindex = ctx->ingress_ifindex};
	__u64 now = ticks_at(bpf_ktime_get_ns());

	if (!control || !rewrite)
		return 0;
	fact.allocation = control->trace;
	if (!is_traced(rewrite->allocations[TP_TO_PEER], fact.allocation) &&
	    !is_traced(rewrite->allocations[TP_TO_CLIENT], fact.allocation))
		return 0;
	if (conforms(&control->trace_at, control->trace_burst, now)) {
		fact.sequence = spend(&control->trace_at, now, control->trace_cost);
		if (report(ctx, &fact, 1))
			return fact.sequence;
	}
	__sync_fetch_and_add(&control->trace_lost, 1);
	return 0;
}

/* Reasons stand in the order of their verdicts. */
__noinline int trace_out(struct xdp_md *ctx, const struct rewrite *rewrite, __u64 sequence, __u32 reason)
{
	struct tp_control *control = find_control();
	struct fact fact = {.kind = TP_EVENT_TRACE_OUT, .sequence = sequence, .reason = reason};
	_Bool left = reason < TP_PASS_NOT_IP;

	if (!control || !rewrite)
		return 0;
	fact.allocation = control->trace;
	if (left)
		fact.ifindex = rewrite->next_hop.ifindex;
	if (!report(ctx, &fact, left))
		__sync_fetch_and_add(&control->trace_lost, 1);
	return 0;
}

/* What would fit, by the sender's count. STUN pads data to a multiple of four, so that the last bytes of what
 * fits may not serve. */
static __always_inline __u32 fitting_mtu(const struct packet *packet, const struct rewrite *rewrite)
{
	__u32 headers_in = (packet->ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) + packet->udp_length -
			   packet->padding - packet->data;
	__u32 room = rewrite->next_hop.mtu - (rewrite->ip_length - rewrite->padding - packet->data);

	if (rewrite->framing_size > CHANNEL_HEADER_SIZE || packet->framing > CHANNEL_HEADER_SIZE)
		room &= ~3u;
	return headers_in + room;
}

/* Who forbids fragmentation wants to know. The packet goes on to the slow path all the same. */
__noinline int tell_too_big(struct xdp_md *ctx, const struct packet *packet, const struct rewrite *rewrite)
{
	struct fact fact = {.kind = TP_EVENT_TOO_BIG, .reason = TP_PASS_MTU, .ifindex = ctx->ingress_ifindex};
	struct tp_control *control = find_control();
	const struct tp_allocation *allocation;
	__u32 slot;
	__u64 now;

	if (!packet || !rewrite || !control || (packet->ipv4 && !packet->dont_fragment))
		return 0;
	now = ticks_at(rewrite->now);
	if (!conforms(&control->too_big_at, control->too_big_burst, now))
		return 0;
	spend(&control->too_big_at, now, control->too_big_cost);
	slot = rewrite->allocations[goes_to_client(rewrite) ? TP_TO_CLIENT : TP_TO_PEER];
	allocation = bpf_map_lookup_elem(&allocations, &slot);
	fact.allocation = allocation ? allocation->id : 0;
	fact.mtu = fitting_mtu(packet, rewrite);
	return report(ctx, &fact, 1);
}

#endif /* TURNPIKE_BPF_EVENTS_H */
