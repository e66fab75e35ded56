// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Gives every port of a range on a VIP to one socket, so that a server listens once for a service
 * of many ports. Attached to a network namespace by `weir backend up` (datapath/port_range.h).
 * Whatever is not of a range, or whose socket is gone, is looked up as ever.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_helpers.h>

#include "bpf/packet.h"
#include "bpf/port_range.h"

#define FAMILY_IPV4 2 /* AF_INET; libc's headers are not for BPF */

/* The ranges, up to the first one of protocol 0. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PORT_RANGE_MAX);
	__type(key, __u32);
	__type(value, struct port_range);
} ranges SEC(".maps");

/* The sockets, by PORT_RANGE_SLOT(). The kernel removes one that is closed. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 2 * PORT_RANGE_MAX);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

/* The VIPs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct addr);
	__type(value, __u8);
} vips SEC(".maps");

/* All is read first: else clang chooses by pointer, and the kernel refuses pointers to parts of it.
 */
static __always_inline int is_vip(const struct bpf_sk_lookup *ctx)
{
	const volatile struct bpf_sk_lookup *from = ctx;
	struct addr to = {
		{from->local_ip6[0], from->local_ip6[1], from->local_ip6[2], from->local_ip6[3]}};
	__be32 v4 = from->local_ip4;
	if (from->family == FAMILY_IPV4)
		addr_set_v4(&to, v4);
	return bpf_map_lookup_elem(&vips, &to) != 0;
}

/* The index of the range that has the port, or PORT_RANGE_MAX. */
static __always_inline __u32 find_range(const struct bpf_sk_lookup *ctx)
{
	for (__u32 i = 0; i < PORT_RANGE_MAX; i++) {
		__u32 slot = i;
		const struct port_range *r = bpf_map_lookup_elem(&ranges, &slot);
		if (!r || !r->protocol)
			break;
		if (r->protocol == ctx->protocol && ctx->local_port >= r->first &&
		    ctx->local_port <= r->last)
			return i;
	}
	return PORT_RANGE_MAX;
}

SEC("sk_lookup")
int port_range(struct bpf_sk_lookup *ctx)
{
	__u32 range = find_range(ctx);
	if (range >= PORT_RANGE_MAX || !is_vip(ctx))
		return SK_PASS;
	__u32 slot = PORT_RANGE_SLOT(range, ctx->family != FAMILY_IPV4);
	struct bpf_sock *socket = bpf_map_lookup_elem(&sockets, &slot);
	if (!socket)
		return SK_PASS;
	bpf_sk_assign(ctx, socket, 0);
	bpf_sk_release(socket);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
