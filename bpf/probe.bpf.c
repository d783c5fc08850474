// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The test packet: run on live frames, sends each out of one interface. An interface that accepts an XDP
// program does not always transmit what XDP redirects to it; userspace counts what left.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile __u32 target_ifindex;

SEC("xdp")
int probe(struct xdp_md *context)
{
	(void)context;
	return (int)bpf_redirect(target_ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
