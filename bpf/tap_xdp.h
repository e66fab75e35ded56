/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The taps of the XDP program. Included by weir.bpf.c, after its knobs. While nobody captures, each
 * costs a load and a branch; with the knob `taps` at 0 there are none.
 */
#ifndef WEIR_BPF_TAP_XDP_H
#define WEIR_BPF_TAP_XDP_H

#include "bpf/watch.h"

/* Set before loading: 0 builds the program without its taps, to measure what they cost. */
const volatile __u8 taps = 1;

/* What user space changes while the program runs. */
struct tap_control tap = {};

#define TAP_SOURCE    struct xdp_md
#define TAP_WORDS     16u  /* bytes copied at a time */
#define TAP_WORDS_MAX 128u /* beyond, the call that copies is worth it */

static __always_inline int tap_copy(void *source, __u32 offset, void *to, __u32 size)
{
	return bpf_xdp_load_bytes(source, offset, to, size);
}

static __always_inline void tap_copy_words(void *to, const void *from)
{
	((__u64 *)to)[0] = ((const __u64 *)from)[0];
	((__u64 *)to)[1] = ((const __u64 *)from)[1];
}

/* By words, the last of which may have been copied already; else by a call. */
static __always_inline int tap_copy_head(struct xdp_md *ctx, void *to, __u32 size)
{
	const char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 last = size - TAP_WORDS;
	if (last <= TAP_WORDS_MAX - TAP_WORDS && data + last + TAP_WORDS <= end) {
		for (__u32 i = 0; i < TAP_WORDS_MAX - TAP_WORDS; i += TAP_WORDS) {
			if (i >= last || data + i + TAP_WORDS > end)
				break;
			tap_copy_words((char *)to + i, data + i);
		}
		tap_copy_words((char *)to + last, data + last);
		return 0;
	}
	/* Linux 6.1 learns nothing from `size > 0`, but knows what one more is. */
	__u32 before = size - 1;
	__asm__ volatile("" : "+r"(before));
	return before < CAPTURE_BYTES_MAX ? bpf_xdp_load_bytes(ctx, 0, to, before + 1) : -1;
}

#include "bpf/tap.h"

#define TAP_WHAT(point, action, port, reason) \
	((__u32)(point) | (__u32)(action) << 8 | (__u32)(reason) << 16 | (__u32)(port) << 24)

/* A function of its own, so that the verifier looks at all its ways only once. */
__attribute__((noinline)) int tap_packet(struct xdp_md *ctx, __u32 what, __u32 service,
					 __u32 backend, __u32 rule)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct tap_state *state = tap_state(cpu, TAP_STATE_XDP);
	if (!state)
		return 0;
	struct tap_record *r = &state->packet;
	r->service = service;
	r->backend = backend;
	r->rule = rule;
	r->port = what >> 24;
	r->queue = ctx->rx_queue_index;
	r->point = what;
	r->reason = what >> 16;
	r->action = what >> 8;
	r->source = TAP_XDP;
	r->length = frame_length(ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end);
	tap_ask(ctx, state, tap.captures);
	/* A packet that was seen on its way in keeps its id. */
	if (r->point == TAP_RX || (!tap.rx && (r->point != TAP_TX || r->service == ABI_NO_SERVICE)))
		state->id++;
	if (r->captures)
		tap_emit(ctx, state, cpu, TAP_STATE_XDP);
	return 0;
}

/* Whether packets that go on are looked at. */
static __always_inline int tap_is_busy(void)
{
	return taps && tap.passing;
}

static __always_inline void tap_rx(struct xdp_md *ctx)
{
	if (taps && tap.rx)
		tap_packet(ctx, TAP_WHAT(TAP_RX, CAPTURE_NO_ACTION, port_index, 0), ABI_NO_SERVICE,
			   ABI_NO_BACKEND, ABI_NO_RULE);
}

/* The packet as it came is about to be sent to a backend. */
static __always_inline void tap_before(struct xdp_md *ctx, __u32 service, __u32 backend,
				       __u32 action)
{
	if (taps && tap.forwarded)
		tap_packet(ctx, TAP_WHAT(TAP_BEFORE, action, port_index, 0), service, backend,
			   ABI_NO_RULE);
}

/* The packet is as it will be sent by the port. */
static __always_inline void tap_tx(struct xdp_md *ctx, __u32 port, __u32 service, __u32 backend,
				   __u32 action)
{
	if (taps && tap.forwarded)
		tap_packet(ctx, TAP_WHAT(TAP_TX, action, port, 0), service, backend, ABI_NO_RULE);
}

static __always_inline void tap_drop(struct xdp_md *ctx, int reason, __u32 service, __u32 rule)
{
	if (taps && (tap.services || tap.reasons & 1ull << (reason & (ABI_REASON_SLOTS - 1))))
		tap_packet(ctx, TAP_WHAT(TAP_DROP, XDP_DROP, port_index, reason), service,
			   ABI_NO_BACKEND, rule);
}

/* The packet on its way to a worker, for who sees that it did not get there (bpf/watch.bpf.c). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steered_packet);
} steered SEC(".maps");

__attribute__((noinline)) int keep_steered(struct xdp_md *ctx)
{
	__u32 slot = 0;
	struct steered_packet *p = bpf_map_lookup_elem(&steered, &slot);
	__u32 size = frame_length(ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end);
	if (!p)
		return 0;
	p->length = size;
	if (size > CAPTURE_BYTES_MAX)
		size = CAPTURE_BYTES_MAX;
	p->captured = 0;
	/* Linux 6.1 learns nothing from `size > 0`, but knows what one more is. */
	__u32 last = size - 1;
	__asm__ volatile("" : "+r"(last));
	if (last < CAPTURE_BYTES_MAX && !bpf_xdp_load_bytes(ctx, 0, p->bytes, last + 1))
		p->captured = last + 1;
	return 0;
}

static __always_inline void tap_steered(struct xdp_md *ctx)
{
	if (taps && tap.steered)
		keep_steered(ctx);
}

/* The packet would be dropped, if the rule were not a dry run. */
static __always_inline void tap_dry_run(struct xdp_md *ctx, int reason, __u32 service, __u32 rule)
{
	if (taps && (tap.services || tap.reasons & 1ull << (reason & (ABI_REASON_SLOTS - 1))))
		tap_packet(ctx, TAP_WHAT(TAP_DROP, XDP_PASS, port_index, reason), service,
			   ABI_NO_BACKEND, rule);
}

#endif
