// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * `generate_or_sink` makes frames when BPF_PROG_TEST_RUN runs it with live frames, and counts and drops what
 * arrives where it is attached.
 */
#include "udp_payload.h"

/* A test run's frames come in by lo, which is number 1 in every namespace. */
#define TEST_RUN_IFINDEX 1

const volatile __u32 generate_ifindex = 0;
const volatile __u32 generate_bindings = 1;
const volatile __u32 generate_sizes = 1;
const volatile __u8 generate_pattern[LOAD_PATTERN] = {}; /* indices of sizes */
const volatile __u32 generate_head_words = LOAD_HEAD_WORDS;
const volatile __u32 generate_udp_offset = 0;
const volatile __u32 generate_selector_offset = 0; /* 0: none */
const volatile __u32 generate_mark_offset = 0;
const volatile __u8 with_delay = 0;

const volatile __u32 sink_form = LOAD_PLAIN;
const volatile __u16 sink_source_port = 0; /* as on the wire; 0 matches any */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct load_head);
	__uint(max_entries, LOAD_MAX_ROUTES * LOAD_MAX_SIZES);
} heads SEC(".maps");

/* Userspace sets max_entries before it loads. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct load_binding);
	__uint(max_entries, 1);
} bindings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct load_generator);
	__uint(max_entries, 1);
} generators SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct load_counter);
	__uint(max_entries, 1);
} delivered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, LOAD_BUCKETS);
} delays SEC(".maps");

/* The next binding of this CPU, and in `size` the size that its datagram gets. */
static __always_inline const struct load_binding *next_binding(__u32 *size)
{
	__u32 zero = 0;
	struct load_generator *generator = bpf_map_lookup_elem(&generators, &zero);

	if (!generator)
		return NULL;
	__u32 index = generator->next;
	__u32 next = index + generator->step;
	*size = generate_pattern[generator->phase++ % LOAD_PATTERN];
	if (next >= generate_bindings) {
		next = generator->first;
		/* Each round begins one further on in the pattern: a binding has all sizes in turn, whatever
		 * the number of bindings, and over eight rounds each size has its exact share. */
		generator->phase = ++generator->round;
	}
	generator->next = next;
	return bpf_map_lookup_elem(&bindings, &index);
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Into `data`, whose bounds are checked. */
static __always_inline void write_frame(void *data, const struct load_head *head,
					const struct load_binding *binding)
{
	__u64 *words = data;
	struct udphdr *udp = data + generate_udp_offset;
	const __u32 count = generate_head_words;
	__u32 sum = head->checksum + binding->source_port + binding->destination_port;

	for (__u32 i = 0; i < LOAD_HEAD_WORDS; i++)
		if (i < count)
			words[i] = head->words[i];
	*(__u32 *)udp = *(const __u32 *)binding;
	if (generate_selector_offset) {
		*(__be16 *)(data + generate_selector_offset) = binding->selector;
		sum += binding->selector;
	}
	if (with_delay) {
		struct load_mark *mark = data + generate_mark_offset;
		__u64 now = bpf_ktime_get_ns();
		mark->time = now;
		sum += (__u16)now + (__u16)(now >> 16) + (__u16)(now >> 32) + (__u16)(now >> 48);
	}
	__u16 checksum = ~fold(sum);
	udp->check = checksum ? checksum : 0xffff; /* 0 would say "none" (RFC 768) */
}

static __always_inline int generate(struct xdp_md *ctx)
{
	__u32 size;
	const struct load_binding *binding = next_binding(&size);

	if (!binding)
		return XDP_ABORTED;
	__u32 index = binding->route * generate_sizes + size;
	const struct load_head *head = bpf_map_lookup_elem(&heads, &index);
	if (!head)
		return XDP_ABORTED;
	if (generate_sizes > 1 && head->surplus && bpf_xdp_adjust_tail(ctx, -(int)head->surplus))
		return XDP_ABORTED;
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	if (data + generate_head_words * sizeof(__u64) > end)
		return XDP_ABORTED;
	write_frame(data, head, binding);
	return bpf_redirect(generate_ifindex, 0);
}

static __always_inline void note_delay(__u64 sent)
{
	__u32 bucket = load_bucket_of(bpf_ktime_get_ns() - sent);
	__u64 *count = bpf_map_lookup_elem(&delays, &bucket);

	if (count)
		(*count)++;
}

static __always_inline int sink(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	const struct udphdr *udp = find_udp((void *)(long)ctx->data, end);
	struct payload payload;
	__u32 zero = 0;

	if (!udp || (sink_source_port && udp->source != sink_source_port) ||
	    !find_payload(udp, end, sink_form, &payload))
		return XDP_PASS;
	struct load_counter *counter = bpf_map_lookup_elem(&delivered, &zero);
	if (counter) {
		counter->packets++;
		counter->bytes += payload.size;
	}
	if (with_delay && payload.mark->time)
		note_delay(payload.mark->time);
	return XDP_DROP;
}

/* One program for both: the kernel puts a program of a test run into its XDP dispatcher, and waits for an RCU
 * grace period, some 20 ms, unless it is there already, as one that is attached natively is. Without that the
 * generator would idle most of its time and keep a rate only by large bursts. */
SEC("xdp")
int generate_or_sink(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex == TEST_RUN_IFINDEX ? generate(ctx) : sink(ctx);
}

/* The kernel asks for a licence that lets the helpers be used. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
