/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What would become of a packet, and why. Decides by the source of lb_process() itself
 * (lb/trace.h), on copies: nothing of what it is asked about changes. Pure; one thread.
 */
#ifndef WEIR_LB_EXPLAIN_H
#define WEIR_LB_EXPLAIN_H

#include <stdint.h>

#include "lb/flow_table.h"
#include "lb/trace.h"

#define EXPLAIN_FRAME 2048u /* bytes of a packet, at most */

struct explain;
struct snapshot;

/* How a slot of a service's Maglev table led to a backend. */
struct explain_slot {
	bool asked;
	uint32_t slot;
	uint32_t owner; /* backend id of the slot's own, ABI_NO_BACKEND: there is no table */
};

struct explanation {
	struct lb_trace trace;
	struct lb_packet packet; /* the verdict; its data are `frame`'s */
	struct explain_slot slot;
	bool repeated; /* the XDP program would do it by itself, with the fast path on */
	uint8_t room[LB_HEADROOM + EXPLAIN_FRAME + LB_TAILROOM];
};

struct explain *explain_new(void);    /* NULL without memory */
void explain_free(struct explain *e); /* NULL too */

/* What it is decided by; others may write to flow table and meters meanwhile. */
struct explain_basis {
	const struct snapshot *snapshot; /* with its policy */
	const struct flow_table *flows;
	struct policing_peek meters; /* of the policy's limits */
};

/*
 * Explains the packet of `length` bytes, at most EXPLAIN_FRAME, that came in by port `ingress`.
 * Limits a second other than the policy's count as not reached; fragments are explained as if
 * nothing was known of their datagrams.
 */
void explain_packet(struct explain *e, const struct explain_basis *basis, const uint8_t *bytes,
		    uint32_t length, uint16_t ingress, uint64_t now_ns, struct explanation *out);

#endif
