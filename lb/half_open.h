/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of being half open: what a flow's SYN took from its service's bucket (bpf/police.h), the
 * client's next packet gives back. A flow that nothing follows up gives back nothing; the bucket
 * fills by itself in the time after which such flows are forgotten.
 */
#ifndef WEIR_LB_HALF_OPEN_H
#define WEIR_LB_HALF_OPEN_H

#include "lb/flow_table.h"
#include "lb/snapshot.h"

/* `hit` was found as it was before this packet, which has changed its state. Any worker. */
static inline void half_open_end(const struct flow_table *t, const struct flow_hit *hit,
				 const struct service *service, uint32_t id)
{
	if (__builtin_expect(!service->half_open_cost, 1) || hit->state != FLOW_HANDSHAKE ||
	    !t->half_open)
		return;
	__atomic_fetch_sub(&t->half_open[id], service->half_open_cost, __ATOMIC_RELAXED);
}

#endif
