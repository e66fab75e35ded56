/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The taps of the XDP program. Included by weir.bpf.c, after its knobs. While nobody captures, each
 * costs a load and a branch; with the knob `taps` at 0 there are none.
 */
#ifndef WEIR_BPF_TAP_XDP_H
#define WEIR_BPF_TAP_XDP_H

/* Set before loading: 0 builds the program without its taps, to measure what they cost. */
const volatile __u8 taps = 1;

/* What user space changes while the program runs. */
struct tap_control tap = {};

static __always_inline int tap_copy(void *source, __u32 offset, void *to, __u32 size)
{
	return bpf_xdp_load_bytes(source, offset, to, size);
}

#include "bpf/tap.h"

/*
 * Functions of their own, so that the verifier looks at all their ways only once. The first is
 * called for each capture.
 */
__attribute__((noinline)) int tap_wants(struct xdp_md *ctx, struct tap_event *e, __u32 slot)
{
	return e ? tap_wanted_bytes(ctx, e, slot) : 0;
}

__attribute__((noinline)) int tap_offer(struct xdp_md *ctx, struct tap_event *e)
{
	struct tap_state *state = tap_state();
	__u32 wanted = 0, snaplen = 0;
	if (!e || !state)
		return 0;
	e->length = ctx->data_end - ctx->data;
	e->queue = ctx->rx_queue_index;
	e->source = TAP_XDP;
	for (__u32 i = 0; i < CAPTURES_MAX; i++) {
		if (!(tap.captures >> i & 1))
			continue;
		__u32 bytes = tap_wants(ctx, e, i);
		if (!bytes)
			continue;
		wanted |= 1u << i;
		if (snaplen < bytes)
			snaplen = bytes;
	}
	/* A packet that was seen on its way in keeps its id. */
	__u64 id = (state->id | (__u64)(bpf_get_smp_processor_id() + 1) << 40);
	if (e->point == TAP_RX ||
	    (!tap.rx && (e->point != TAP_TX || e->service == ABI_NO_SERVICE)))
		id = tap_new_id(state);
	if (wanted)
		tap_emit(ctx, e, id, wanted, snaplen);
	return 0;
}

static __always_inline void tap_rx(struct xdp_md *ctx)
{
	if (!taps || !tap.rx)
		return;
	struct tap_event e = {
		.service = ABI_NO_SERVICE,
		.backend = ABI_NO_BACKEND,
		.rule = ABI_NO_RULE,
		.port = port_index,
		.point = TAP_RX,
		.action = CAPTURE_NO_ACTION,
	};
	tap_offer(ctx, &e);
}

/* The packet is about to be sent to a backend, or (TAP_TX) is as it will be sent. */
static __always_inline void tap_forwarded(struct xdp_md *ctx, enum tap_point point, __u16 port,
					  __u32 service, __u32 backend, __u8 action)
{
	struct tap_event e = {
		.service = service,
		.backend = backend,
		.rule = ABI_NO_RULE,
		.port = port,
		.point = point,
		.action = action,
	};
	if (taps && tap.forwarded)
		tap_offer(ctx, &e);
}

static __always_inline void tap_drop(struct xdp_md *ctx, int reason, __u32 service, __u32 rule)
{
	if (!taps || !(tap.services || tap.reasons & 1ull << (reason & (ABI_REASON_SLOTS - 1))))
		return;
	struct tap_event e = {
		.service = service,
		.backend = ABI_NO_BACKEND,
		.rule = rule,
		.port = port_index,
		.point = TAP_DROP,
		.reason = reason,
		.action = XDP_DROP,
	};
	tap_offer(ctx, &e);
}

#endif
