/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the XDP program answers for VIPs by itself, where no worker does: ARP requests, neighbour
 * solicitations and echo requests. Included by weir.bpf.c, after redirect_to_worker() and steer().
 */
#ifndef WEIR_BPF_ANSWER_XDP_H
#define WEIR_BPF_ANSWER_XDP_H

#include "bpf/budget.h"
#include "bpf/icmp.h"
#include "bpf/neighbor.h"

/*
 * Answers for a VIP, if no worker does, so that neighbours find it while no daemon runs. Changing
 * the frame's length moves it, so everything is found anew after that.
 */
static __always_inline int answer(struct xdp_md *ctx, struct port_counters *ledger,
				  const struct packet *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 length = frame_length(ctx, data, end);
	int grow = neighbor_reply_length(p, length) - length;
	int reason = neighbor_check(data, end, p);
	if (reason)
		return drop(ctx, ledger, reason);
	if (grow && bpf_xdp_adjust_tail(ctx, grow)) {
		ledger->passed++;
		return XDP_PASS;
	}
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	__u64 mac = port_mac;
	reason = neighbor_reply(data, end, p, (const __u8 *)&mac);
	if (reason)
		return drop(ctx, ledger, reason);
	ledger->transmitted++;
	tap_tx(ctx, port_index, ABI_NO_SERVICE, ABI_NO_BACKEND, XDP_TX);
	return XDP_TX;
}

static __always_inline int handle_neighbor(struct xdp_md *ctx, struct port_counters *ledger,
					   const struct packet *p)
{
	if (fast_path != FAST_PATH_ALWAYS && redirect_to_worker(ctx, ledger) == XDP_REDIRECT)
		return XDP_REDIRECT;
	if (fast_path != FAST_PATH_NEVER)
		return answer(ctx, ledger, p);
	ledger->passed++;
	return XDP_PASS;
}

/* As reply_to_echo() of lb/process.c does it: REASON_NONE, or why the request is to be dropped. */
__attribute__((noinline)) int answer_echo(struct xdp_md *ctx, const struct packet *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 slot = 0;
	struct budget *budget = bpf_map_lookup_elem(&echoes, &slot);
	if (!p || !budget || !budget_take(budget, echo_limit, bpf_ktime_get_ns()))
		return REASON_ECHO_LIMITED;
	int reason = icmp_check(data, end, p);
	if (reason)
		return reason;
	__u64 mac = port_mac;
	return icmp_reply(data, end, p, (const __u8 *)&mac);
}

/* VIPs go on answering ping while no daemon runs. */
static __always_inline int handle_echo(struct xdp_md *ctx, struct port_counters *ledger,
				       const struct packet *p)
{
	/* The sum is over all of it. */
	int whole = !multi_buffer ||
		    bpf_xdp_get_buff_len(ctx) == (__u64)ctx->data_end - (__u64)ctx->data;
	if (fast_path == FAST_PATH_NEVER || !whole)
		return steer(ctx, ledger, p);
	if (redirect_to_worker(ctx, ledger) == XDP_REDIRECT)
		return XDP_REDIRECT;
	int reason = answer_echo(ctx, p);
	if (reason)
		return drop(ctx, ledger, reason);
	ledger->transmitted++;
	tap_tx(ctx, port_index, ABI_NO_SERVICE, ABI_NO_BACKEND, XDP_TX);
	return XDP_TX;
}

#endif
