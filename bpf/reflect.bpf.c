// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The benchmarks' baselines: what any program that sends each packet back with other link addresses
 * has to do at least, and one that drops each.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/rewrite.h"

/* Set before loading. */
const volatile struct link_addresses to = {};

SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	if (data + ETH_HLEN > end)
		return XDP_DROP;
	rewrite_link(data, (const struct link_addresses *)&to);
	return XDP_TX;
}

/* Packets refused. One CPU at a time runs this. */
__u64 refused = 0;

SEC("xdp")
int refuse(struct xdp_md *ctx)
{
	refused++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
