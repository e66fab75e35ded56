// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the kernel does with packets behind the XDP program, seen at its tracepoints:
 *
 *   redirect_error   it could not hand a packet to a worker's socket, or to another interface
 *   exception        it could not do what the XDP program said
 *   bulk_sent, redirect_sent   it sent what XDP_TX or a redirect gave it, or a part of it
 *   kernel_drop      its stack dropped what had come in by a port, for a reason of its own
 *
 * The first four count, and cost nothing while nothing goes wrong. For captures the first one has
 * the packet too, as the XDP program has left a copy on this CPU right before. The last one is
 * attached only while a capture wants it. Of the kernel's types only the fields are named that are
 * read; where they are is found out by BTF when this is loaded.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/watch.h"

#define KERNEL_ENOBUFS 105
#define KERNEL_ENOMEM  12
#define KERNEL_ENOSPC  28

struct bpf_prog;

/* Set before loading: how many ports there are, and the network namespace they are in. */
const volatile __u32 port_count = 0;
const volatile __u64 netns_cookie = 0;

/* What user space changes while the programs run; the interfaces by port index, 0: it is gone. */
struct tap_control tap = {};
__u32 port_ifindex[ABI_MAX_PORTS] = {};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct net {
	__u64 net_cookie;
};
struct possible_net {
	struct net *net;
};
struct net_device {
	int ifindex;
	struct possible_net nd_net;
};
struct sk_buff {
	struct net_device *dev;
	int skb_iif;
	unsigned int len, data_len;
	__u16 mac_header, queue_mapping;
	unsigned char *head, *data;
};
#pragma clang attribute pop

#define TAP_SOURCE struct steered_packet

static __always_inline int tap_copy(void *source, __u32 offset, void *to, __u32 size)
{
	struct steered_packet *p = source;
	if (offset >= sizeof(p->bytes) || size > CAPTURE_BYTES_MAX || size < 1 ||
	    offset + size > p->captured)
		return -1;
	return bpf_probe_read_kernel(to, size, p->bytes + offset) ? -1 : 0;
}

static __always_inline int tap_copy_head(struct steered_packet *p, void *to, __u32 size)
{
	/* Linux 6.1 learns nothing from `size > 0`, but knows what one more is. */
	__u32 last = size - 1;
	__asm__ volatile("" : "+r"(last));
	return last < CAPTURE_BYTES_MAX ? tap_copy(p, 0, to, last + 1) : -1;
}

#include "bpf/tap.h"

/* The XDP program's: the packet that it steered last, on this CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steered_packet);
} steered SEC(".maps");

/* What the kernel's stack dropped, on this CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steered_packet);
} dropped SEC(".maps");

/* By port. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ABI_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct watch_counters);
} watch_counts SEC(".maps");

/* The port of an interface; ABI_MAX_PORTS: it is none of ours. */
static __always_inline __u32 port_of_ifindex(__u32 ifindex)
{
	for (__u32 i = 0; i < ABI_MAX_PORTS; i++)
		if (port_ifindex[i] && port_ifindex[i] == ifindex)
			return i;
	return ABI_MAX_PORTS;
}

static __always_inline __u32 port_of(const struct net_device *dev)
{
	if (!dev || dev->nd_net.net->net_cookie != netns_cookie)
		return ABI_MAX_PORTS;
	return port_of_ifindex(dev->ifindex);
}

static __always_inline void count_failed(const struct net_device *dev, __u64 packets)
{
	__u32 port = port_of(dev);
	struct watch_counters *c = bpf_map_lookup_elem(&watch_counts, &port);
	if (c)
		__sync_fetch_and_add(&c->tx_failed, packets);
}

static __always_inline void offer(struct steered_packet *p, __u32 port, __u8 point, __u8 reason,
				  __u32 kernel_reason, __u64 location, __u16 queue)
{
	__u32 kind = point == TAP_KERNEL ? TAP_STATE_KERNEL : TAP_STATE_STEERED;
	__u32 cpu = bpf_get_smp_processor_id();
	struct tap_state *state = tap_state(cpu, kind);
	if (!state)
		return;
	struct tap_record *r = &state->packet;
	r->service = ABI_NO_SERVICE;
	r->backend = ABI_NO_BACKEND;
	r->rule = ABI_NO_RULE;
	if (point == TAP_KERNEL) {
		r->service = (__u32)location;
		r->backend = location >> 32;
		r->rule = kernel_reason;
	}
	r->port = port;
	r->queue = queue;
	r->point = point;
	r->reason = reason;
	r->action = point == TAP_KERNEL ? XDP_PASS : XDP_REDIRECT;
	r->source = TAP_WATCH;
	r->length = p->length;
	tap_ask(p, state, tap.captures);
	state->id++;
	if (r->captures)
		tap_emit(p, state, cpu, kind);
}

/* Why a socket did not take a packet, as XDP_STATISTICS counts it; 0: it does not. */
static __always_inline __u8 socket_reason(int error)
{
	if (error == -KERNEL_ENOBUFS)
		return REASON_RX_FULL;
	return error == -KERNEL_ENOMEM || error == -KERNEL_ENOSPC ? REASON_RX_NO_FRAME : 0;
}

SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(redirect_error, const struct net_device *dev, const struct bpf_prog *prog,
	     const void *target, int error, int map_type, __u32 map_id, __u32 index)
{
	__u32 port = port_of(dev), slot = 0;
	struct watch_counters *c = bpf_map_lookup_elem(&watch_counts, &port);
	if (!c)
		return 0;
	if (map_type != BPF_MAP_TYPE_XSKMAP) {
		__sync_fetch_and_add(&c->tx_failed, 1);
		return 0;
	}
	__u8 reason = socket_reason(error);
	if (!reason)
		__sync_fetch_and_add(&c->not_steered, 1);
	struct steered_packet *p = bpf_map_lookup_elem(&steered, &slot);
	if (reason && p && tap.steered)
		offer(p, port, TAP_DROP, reason, 0, 0, index % ABI_MAX_QUEUES);
	return 0;
}

SEC("tp_btf/xdp_exception")
int BPF_PROG(exception, const struct net_device *dev, const struct bpf_prog *prog, __u32 action)
{
	if (action != XDP_REDIRECT)
		count_failed(dev, 1);
	return 0;
}

SEC("tp_btf/xdp_bulk_tx")
int BPF_PROG(bulk_sent, const struct net_device *dev, int sent, int drops, int error)
{
	if (drops > 0)
		count_failed(dev, drops);
	return 0;
}

SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(redirect_sent, const struct net_device *from, const struct net_device *to, int sent,
	     int drops, int error)
{
	if (drops > 0)
		count_failed(from, drops);
	return 0;
}

/* By the interface it came in by, if that is still known. */
static __always_inline __u32 port_of_skb(const struct sk_buff *skb)
{
	if (!skb->dev || skb->dev->nd_net.net->net_cookie != netns_cookie)
		return ABI_MAX_PORTS;
	return port_of_ifindex(skb->skb_iif ? skb->skb_iif : skb->dev->ifindex);
}

/* From the Ethernet header on, as far as it is in one piece. */
static __always_inline int copy_skb(const struct sk_buff *skb, struct steered_packet *p)
{
	const unsigned char *mac = skb->head + skb->mac_header;
	__u32 in_front = skb->data - mac;
	__u32 here = in_front + skb->len - skb->data_len;
	if (skb->mac_header == (__u16)~0 || in_front > 256)
		return -1;
	p->length = in_front + skb->len;
	p->captured = here < CAPTURE_BYTES_MAX ? here : CAPTURE_BYTES_MAX;
	__u32 size = p->captured;
	__asm__ volatile("" : "+r"(size));
	if (size < 1 || size > CAPTURE_BYTES_MAX)
		return -1;
	return bpf_probe_read_kernel(p->bytes, size, mac);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(kernel_drop, const struct sk_buff *skb, void *location, int reason)
{
	__u32 port = port_of_skb(skb), slot = 0;
	struct steered_packet *p = bpf_map_lookup_elem(&dropped, &slot);
	if (port >= ABI_MAX_PORTS || !p || !tap.captures || copy_skb(skb, p))
		return 0;
	offer(p, port, TAP_KERNEL, 0, reason, (__u64)location, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
