/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the policy says of a packet, done to it. Included by weir.bpf.c, behind drop_by_rule(). */
#ifndef WEIR_BPF_OBEY_XDP_H
#define WEIR_BPF_OBEY_XDP_H

#include "bpf/police_xdp.h"

/* What a rule says, done; -1: the packet may go on. */
static __always_inline int obey(struct xdp_md *ctx, struct port_counters *ledger,
				const struct police_case *k, int action)
{
	const struct policy_verdict *v = &k->verdict;
	if (v->dry_rule != POLICY_NO_RULE)
		tap_dry_run(ctx, v->dry_reason, k->service, v->dry_rule);
	if (action == POLICY_DROP)
		return drop_by_rule(ctx, ledger, v->reason, k->service, v->rule);
	if (action == POLICY_PASS) {
		ledger->passed++;
		return XDP_PASS;
	}
	if (action != POLICY_REDIRECT)
		return -1;
	action = police_redirect(ctx, v->redirect, v->flags & POLICY_TO_PORT);
	if (action < 0)
		return drop_by_rule(ctx, ledger, REASON_NO_NEXT_HOP, k->service, v->rule);
	ledger->transmitted++;
	return action;
}

static __always_inline int challenge(struct xdp_md *ctx, struct port_counters *ledger,
				     const struct packet *p, const struct police_case *k)
{
	const struct policy_verdict *v = &k->verdict;
	if (!police_challenge(ctx, p))
		return drop_by_rule(ctx, ledger, v->reason, k->service, v->rule);
	ledger->transmitted++;
	tap_tx(ctx, port_index, k->service, ABI_NO_BACKEND, XDP_TX);
	return XDP_TX;
}

#endif
