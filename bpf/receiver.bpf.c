// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The bench's receiver: counts stamped packets by flow and by queue, with their sequence and their
 * latency, and drops them; or hands them to AF_XDP sockets. What bears no stamp goes to the kernel,
 * so that nobody is cut off.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/received.h"

/* Set before loading. */
const volatile __u32 flow_count = 1;
const volatile __u32 take_all = 0; /* packets without a stamp are dropped too */
const volatile __u32 timed = 0;    /* `count` looks at the clock */
const volatile __u8 own_mac[ETH_ALEN] __attribute__((aligned(2))) = {};

struct flow_entry {
	struct bpf_spin_lock lock; /* a flow's packets may come by several queues */
	__u32 pad;
	struct received_flow flow;
};

/* Sums, per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct received);
} totals SEC(".maps");

/* Stamped packets by receive queue. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RECEIVED_QUEUES);
	__type(key, __u32);
	__type(value, __u64);
} queues SEC(".maps");

/* Latency in nanoseconds, by histogram_slot(), per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HISTOGRAM_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} latencies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_entry);
} flows SEC(".maps");

/* For `hand_over`, by queue. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, RECEIVED_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

static __always_inline void note_latency(struct received *all, const struct stamp *stamp, __u64 now)
{
	if (now < stamp->sent_ns) {
		all->early++;
		return;
	}
	__u32 slot = histogram_slot(now - stamp->sent_ns);
	__u64 *count = bpf_map_lookup_elem(&latencies, &slot);
	if (count)
		++*count;
}

static __always_inline void note_sequence(struct received *all, const struct stamp *stamp)
{
	__u32 id = stamp->flow;
	struct sequence_counts c = {.received = 1};
	struct flow_entry *e = bpf_map_lookup_elem(&flows, &id);
	if (!e) {
		all->unknown++;
		all->stamped.received++;
		return;
	}
	bpf_spin_lock(&e->lock);
	if (sequence_follow(&e->flow.sequence, stamp->sequence, stamp->epoch)) {
		e->flow.counts.received++;
		bpf_spin_unlock(&e->lock);
		all->stamped.received++;
		return;
	}
	sequence_jump(&e->flow.sequence, stamp->sequence, stamp->epoch, &c);
	received_add(&e->flow.counts, &c);
	bpf_spin_unlock(&e->lock);
	received_add(&all->stamped, &c);
}

static __always_inline void note_queue(__u32 queue)
{
	__u64 *count = bpf_map_lookup_elem(&queues, &queue);
	if (count)
		++*count;
}

static __always_inline int is_misaddressed(const void *data)
{
	const __u16 *to = data;
	const volatile __u16 *own = (const volatile void *)own_mac;
	return ((to[0] ^ own[0]) | (to[1] ^ own[1]) | (to[2] ^ own[2])) != 0;
}

static __always_inline struct received *all_of_this_cpu(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&totals, &zero);
}

SEC("xdp")
int receive(struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct received *all = all_of_this_cpu();
	struct stamp stamp;
	if (!all)
		return XDP_ABORTED;
	if (!received_find(data, end, &stamp)) {
		all->others++;
		return take_all ? XDP_DROP : XDP_PASS;
	}
	__u64 now = bpf_ktime_get_ns();
	if (!all->first_ns)
		all->first_ns = now;
	all->last_ns = now;
	all->bytes += end - data;
	all->misaddressed += is_misaddressed(data);
	note_latency(all, &stamp, now);
	note_sequence(all, &stamp);
	note_queue(ctx->rx_queue_index);
	return XDP_DROP;
}

/* Stamped packets go to the socket of their queue, which counts them; those without one pass. */
SEC("xdp")
int hand_over(struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct received *all = all_of_this_cpu();
	struct stamp stamp;
	if (!all)
		return XDP_ABORTED;
	if (received_find(data, end, &stamp))
		return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_DROP);
	all->others++;
	return take_all ? XDP_DROP : XDP_PASS;
}

/* Counts packets, whatever they are, and drops them: what it costs to receive and no more. */
SEC("xdp")
int count(struct xdp_md *ctx)
{
	struct received *all = all_of_this_cpu();
	if (!all)
		return XDP_ABORTED;
	all->others++;
	if (timed) {
		all->last_ns = bpf_ktime_get_ns();
		if (!all->first_ns)
			all->first_ns = all->last_ns;
	}
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
