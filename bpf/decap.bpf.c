// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a backend behind a tunnel needs: takes the outer headers off packets for its VIPs, and gives
 * the packets inside to the kernel. Attached by `weir backend up` (datapath/decap.h); no tunnel
 * device and no kernel module is involved.
 *
 * Only packets of the configured kind whose inner destination is a VIP are touched: from a balancer
 * they are decapsulated, from anybody else dropped. So nobody can send packets past a firewall in
 * front of the VIPs, and other tunnels of the host go on.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/decap.h"

/* Set before loading: enum forward. */
const volatile __u32 tunnel_kind = FORWARD_IPIP;

/* The VIPs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct addr);
	__type(value, __u8);
} vips SEC(".maps");

/* Whom tunnel packets may come from. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct prefix_key);
	__type(value, __u8);
} balancers SEC(".maps");

/* What became of them. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct decap_counters);
} counters SEC(".maps");

/* Moves the link header to the packet inside. Returns the XDP action. */
static __always_inline int decapsulate(struct xdp_md *ctx, const struct decap *d,
				       struct decap_counters *count)
{
	char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 inner = d->inner_offset & 127;
	struct ethhdr link;
	char *l3 = data + inner;
	if (l3 + TUNNEL_IPV4_MIN > end || data + sizeof(link) > end)
		return XDP_PASS;
	int ecn = decap_ecn(d->outer_class, decap_inner_class(l3, d->inner_v6));
	if (ecn < 0) {
		count->congested++;
		return XDP_DROP;
	}
	decap_set_ecn(l3, d->inner_v6, ecn);
	__builtin_memcpy(&link, data, sizeof(link));
	link.h_proto = bpf_htons(d->inner_v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (bpf_xdp_adjust_head(ctx, (int)(inner - sizeof(link))))
		return XDP_PASS;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + sizeof(link) > end)
		return XDP_DROP;
	__builtin_memcpy(data, &link, sizeof(link));
	count->decapsulated++;
	return XDP_PASS;
}

SEC("xdp")
int decap(struct xdp_md *ctx)
{
	struct decap d = {};
	struct prefix_key from = {.length = 128};
	__u32 slot = 0;
	struct decap_counters *count = bpf_map_lookup_elem(&counters, &slot);
	if (!count)
		return XDP_PASS;
	switch (decap_parse((void *)(long)ctx->data, (void *)(long)ctx->data_end, tunnel_kind,
			    &d)) {
	case DECAP_MALFORMED:
		count->malformed++;
		return XDP_DROP;
	case DECAP_FOUND:
		break;
	default:
		return XDP_PASS;
	}
	if (!bpf_map_lookup_elem(&vips, &d.vip))
		return XDP_PASS;
	from.address = d.from;
	if (!bpf_map_lookup_elem(&balancers, &from)) {
		count->refused++;
		return XDP_DROP;
	}
	return decapsulate(ctx, &d, count);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
