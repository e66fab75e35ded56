// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sends the bench's streams from within the kernel: BPF_PROG_RUN runs it with live frames
 * (BPF_F_TEST_XDP_LIVE_FRAMES), each run sends one frame out of an interface, or lets it be when
 * none is due. The kernel hands it frames that have been round before, so the headers are written
 * each time; the payload behind a stamp stays what the run was started with, zeros.
 *
 * One thread runs it at a time: what is in .bss needs no more than that.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/stream.h"

/* Set before loading. */
const volatile struct stream_shape shape = {};
const volatile __u32 frame_length = STREAM_MIN; /* of the frames that the kernel hands over */

/* The clock is asked once for so many packets that are sent as fast as it goes. */
#define CLOCK_EVERY 16

struct stream_knobs knobs = {};
struct stream_sent sent = {};
struct stream_size sizes[STREAM_SIZES] = {};

static __u64 now_ns = 0;
static __u32 position = 0;

/* All flows, in any order. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stream_flow);
} flows SEC(".maps");

/* stream_entry()s, gone through again and again. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} order SEC(".maps");

/* The number of each flow's next packet. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sequences SEC(".maps");

/* Before its start a stream has no time. */
static __always_inline int is_time(void)
{
	return now_ns >= knobs.start_ns && pacer_take(&knobs.pacer, now_ns - knobs.start_ns);
}

/* The clock is looked at when the packets that were due at the last look are sent. */
static __always_inline int is_due(void)
{
	if (!knobs.left)
		return 0;
	if (!knobs.pacer.gap) {
		if (sent.packets % CLOCK_EVERY == 0)
			now_ns = bpf_ktime_get_ns();
		return 1;
	}
	if (is_time())
		return 1;
	now_ns = bpf_ktime_get_ns();
	return is_time();
}

static __always_inline __u32 next_entry(void)
{
	__u32 at = position, *entry = bpf_map_lookup_elem(&order, &at);
	position = at + 1 < knobs.order ? at + 1 : 0;
	return entry ? *entry : 0;
}

static __always_inline int fill_stamp(__u32 flow, struct stamp *out)
{
	__u32 *sequence = bpf_map_lookup_elem(&sequences, &flow);
	if (!sequence)
		return 0;
	out->epoch = knobs.epoch;
	out->flow = flow;
	out->sequence = (*sequence)++;
	out->sent_ns = now_ns;
	return 1;
}

/* Makes the frame as long as the packet is. */
static __always_inline int resize(struct xdp_md *ctx, __u32 length)
{
	if (length == frame_length)
		return 0;
	return bpf_xdp_adjust_tail(ctx, (int)length - (int)frame_length);
}

SEC("xdp")
int send(struct xdp_md *ctx)
{
	if (!is_due())
		return XDP_DROP;
	__u32 entry = next_entry(), flow_id = entry & ((1u << STREAM_FLOW_BITS) - 1);
	const struct stream_size *size = &sizes[(entry >> STREAM_FLOW_BITS) & (STREAM_SIZES - 1)];
	const struct stream_flow *flow = bpf_map_lookup_elem(&flows, &flow_id);
	struct stamp stamp = {};
	if (!flow || resize(ctx, size->length) || (shape.stamps && !fill_stamp(flow_id, &stamp)))
		return XDP_ABORTED;
	/* Not before: the verifier forgets constants beside which a key was put on the stack. */
	struct stream_shape s = {shape.vlan, shape.ipv6, shape.tcp, shape.stamps};
	stream_write((void *)(long)ctx->data, (void *)(long)ctx->data_end, &s, size, flow,
		     s.stamps ? &stamp : 0);
	knobs.left--;
	sent.packets++;
	sent.bytes += size->length;
	sent.last_ns = now_ns;
	return bpf_redirect(knobs.ifindex, 0);
}

/* The baseline: what live frames cost when nothing is written into them. */
SEC("xdp")
int bare(struct xdp_md *ctx)
{
	return bpf_redirect(knobs.ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
