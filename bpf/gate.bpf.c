// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What stands for Weir in libxdp's dispatcher (`attach: dispatcher`, datapath/gate.h): it goes on
 * into the XDP program of the interface. So a daemon puts its own program in the place of the one
 * before with one store, and the dispatcher, which others have programs in too, need not be made
 * anew.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* The program of the interface; empty when Weir is not there. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} behind_gate SEC(".maps");

SEC("xdp")
int weir_gate(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &behind_gate, 0);
	return XDP_PASS; /* nothing is behind it */
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
