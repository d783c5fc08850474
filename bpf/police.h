/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Rates and quotas of allocations and users. Only packets of those that have any come here. */
#ifndef TURNPIKE_BPF_POLICE_H
#define TURNPIKE_BPF_POLICE_H

#include "events.h"
#include "gcra.h"
#include "plan.h"

static __always_inline _Bool within_rate(const struct tp_policer *policer, int direction, __u64 now)
{
	return (!policer->byte_cost || conforms(&policer->bytes_at[direction], policer->burst, now)) &&
	       (!policer->packet_cost || conforms(&policer->packets_at[direction], policer->burst, now));
}

static __always_inline _Bool within_quota(const struct tp_policer *policer, __u32 bytes)
{
	return !policer->quota || load_u64(&policer->used) + bytes <= policer->quota;
}

static __always_inline void charge_policer(struct tp_policer *policer, int direction, __u32 bytes, __u64 now)
{
	if (policer->byte_cost)
		spend(&policer->bytes_at[direction], now, bytes * policer->byte_cost >> TP_COST_SHIFT);
	if (policer->packet_cost)
		spend(&policer->packets_at[direction], now, policer->packet_cost);
	if (policer->quota)
		__sync_fetch_and_add(&policer->used, bytes);
}

/* Null: nobody's, or nobody with limits. */
static __always_inline struct tp_policer *find_user_policer(const struct tp_allocation *allocation)
{
	struct tp_user *user;
	__u32 slot = allocation->user;

	if (slot == 0)
		return (void *)0;
	user = bpf_map_lookup_elem(&users, &slot);
	return user && limits(&user->policer) ? &user->policer : (void *)0;
}

static __always_inline void count_refused(__u32 slot, __u32 bytes)
{
	struct tp_allocation_counters *counters = bpf_map_lookup_elem(&allocation_counters, &slot);

	if (counters)
		count(&counters->refused, bytes);
}

/* At most once a second: the CPU that moves the stamp tells. */
static __always_inline void tell_limit(struct xdp_md *ctx, struct tp_policer *policer, __u64 id, __u64 now,
				       __u32 reason)
{
	struct fact fact = {
		.allocation = id, .kind = TP_EVENT_LIMIT, .reason = reason, .ifindex = ctx->ingress_ifindex};
	__u64 told_at = load_u64(&policer->told_at);

	if (now < told_at + NANOSECONDS_PER_SECOND)
		return;
	if (__sync_val_compare_and_swap(&policer->told_at, told_at, now) == told_at)
		report(ctx, &fact, 0);
}

/* Whether the allocation in `slot` and its user let `bytes` through in that direction. The receiver of a
 * hairpin is asked last: what its sender is about to be charged counts against an allocation or a user at
 * both ends. */
__noinline int admit(struct xdp_md *ctx, const struct rewrite *rewrite, __u32 slot, __u32 direction,
		     __u32 bytes)
{
	struct tp_allocation *allocation = bpf_map_lookup_elem(&allocations, &slot);
	const struct tp_allocation *sender = (void *)0;
	struct tp_policer *policer, *user;
	int reason = NO_REASON;
	__u32 sender_slot;
	__u64 now;

	if (!allocation || !rewrite)
		return NO_REASON;
	sender_slot = rewrite->allocations[TP_TO_PEER];
	if (direction == TP_TO_CLIENT)
		sender = bpf_map_lookup_elem(&allocations, &sender_slot);
	direction &= 1; /* a bound for the verifier */
	now = ticks_at(rewrite->now);
	policer = &allocation->policer;
	user = find_user_policer(allocation);
	if (!within_rate(policer, direction, now))
		reason = TP_DROP_ALLOCATION_RATE;
	else if (user && !within_rate(user, direction, now))
		reason = TP_DROP_USER_RATE;
	else if (!within_quota(policer, sender && sender_slot == slot ? 2 * bytes : bytes))
		reason = TP_DROP_ALLOCATION_QUOTA;
	else if (user && !within_quota(user, sender && sender->user == allocation->user ? 2 * bytes : bytes))
		reason = TP_DROP_USER_QUOTA;
	if (reason == NO_REASON)
		return NO_REASON;
	count_refused(slot, bytes);
	if (user && (reason == TP_DROP_USER_RATE || reason == TP_DROP_USER_QUOTA))
		tell_limit(ctx, user, allocation->id, rewrite->now, reason);
	else
		tell_limit(ctx, policer, allocation->id, rewrite->now, reason);
	return reason;
}

/* Before anything is changed, and charged when it was relayed. */
static __always_inline enum tp_reason police(struct xdp_md *ctx, const struct packet *packet,
					     const struct rewrite *rewrite)
{
	enum tp_reason reason = NO_REASON;

	if (goes_to_peer(rewrite))
		reason = admit(ctx, rewrite, rewrite->allocations[TP_TO_PEER], TP_TO_PEER, packet->data);
	if (reason == NO_REASON && goes_to_client(rewrite))
		reason = admit(ctx, rewrite, rewrite->allocations[TP_TO_CLIENT], TP_TO_CLIENT, packet->data);
	return reason;
}

__noinline int charge_limits(__u32 slot, __u32 direction, __u32 bytes, __u64 now)
{
	struct tp_allocation *allocation = bpf_map_lookup_elem(&allocations, &slot);
	struct tp_policer *user;

	if (!allocation)
		return 0;
	direction &= 1;
	now = ticks_at(now);
	charge_policer(&allocation->policer, direction, bytes, now);
	user = find_user_policer(allocation);
	if (user)
		charge_policer(user, direction, bytes, now);
	return 0;
}

#endif /* TURNPIKE_BPF_POLICE_H */
