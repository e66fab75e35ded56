// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The benchmarks' baselines: what any program that sends each packet back with other link addresses
 * has to do at least, what one has to do that looks up each packet's flow, and one that drops each.
 */
#include <linux/bpf.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow.h"
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

/* Set before loading: one less than the table has lines, which are a power of two. */
const volatile __u32 table_mask = 0;

/* As large as Weir's flow table. Nothing is in it: what is measured is that it is looked at. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_bucket);
} table SEC(".maps");

struct ports_frame {
	__u8 link[ETH_HLEN];
	__u8 ip[sizeof(struct iphdr) - 8];
	__be16 source[2], destination[2], ports[2];
};

/* The least that a flow's number can be made of: one multiplication, of which the upper bits. */
static __always_inline __u32 hash(const struct ports_frame *f)
{
	__u64 words = *(const __u32 *)f->source ^ (__u64) * (const __u32 *)f->ports << 32;
	return words * 0x9e3779b97f4a7c15ull >> 32;
}

SEC("xdp")
int look_up(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct ports_frame *f = data;
	if ((void *)(f + 1) > end)
		return XDP_DROP;
	__u32 index = hash(f) & table_mask;
	const struct flow_bucket *b = bpf_map_lookup_elem(&table, &index);
	if (!b || FLOW_LOAD(&b->tag[0]))
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
