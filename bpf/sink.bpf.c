// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The benchmarks' sink: counts what the generator made and somebody sent back, and drops
 * everything. Asked to `watch`, it also remembers which backend's link address each flow was sent
 * to, and counts the packets that went to another.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/traffic.h"

/* Set before loading. */
const volatile __u32 watch = 0;

/* What came, per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct traffic_seen);
} seen SEC(".maps");

/* The last octet of the link address that each flow was sent to last; 0: none so far. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} backends SEC(".maps");

static __always_inline int has_moved(const struct ethhdr *eth, __u32 address, __be16 port)
{
	__u32 flow = (address - TRAFFIC_CLIENTS) * TRAFFIC_FLOWS_PER_CLIENT + bpf_ntohs(port) -
		     TRAFFIC_FIRST_PORT;
	__u8 now = eth->h_dest[ETH_ALEN - 1], *last = bpf_map_lookup_elem(&backends, &flow);
	if (!last || *last == now)
		return 0;
	int moved = *last != 0;
	*last = now;
	return moved;
}

SEC("xdp")
int sink(struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = data;
	const struct iphdr *ip = (const void *)(eth + 1);
	const struct udphdr *ports = (const void *)(ip + 1);
	__u32 zero = 0;
	struct traffic_seen *count = bpf_map_lookup_elem(&seen, &zero);
	if (!count || (const void *)(ports + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_DROP;
	__u32 address = bpf_ntohl(ip->saddr);
	if ((address & ~TRAFFIC_FLOOD_MASK) == TRAFFIC_FLOOD) {
		count->packets[TRAFFIC_SYN]++;
	} else if (address >> 24 == TRAFFIC_CLIENTS >> 24) {
		count->packets[TRAFFIC_FLOW]++;
		if (watch && has_moved(eth, address, ports->source))
			count->moved++;
	}
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
