/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lb_process() finds out about a packet on its way to a verdict, for who explains it. The
 * source of lb_process() says so by TELL(); it is compiled twice: for the workers, where TELL() is
 * nothing, and as lb_process_traced(), which decides alike because it is the same text.
 */
#ifndef WEIR_LB_TRACE_H
#define WEIR_LB_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/packet.h"
#include "bpf/translation.h"
#include "lb/policing.h"
#include "lb/process.h"

enum lb_entry {
	LB_ENTRY_NONE = 0, /* the flow table does not know the flow */
	LB_ENTRY_STALE,    /* it does, but what it says does not hold any more */
	LB_ENTRY_STANDS,
};

enum lb_remembered {
	LB_NOT_REMEMBERED = 0, /* no packet to make a flow known by, or known already */
	LB_REMEMBERED,
	LB_NOT_REMEMBERED_FULL,  /* its bucket is full of better flows */
	LB_NOT_REMEMBERED_GUARD, /* beyond the insert limit */
};

struct lb_trace {
	const struct flow_table
		*flows; /* in: the one that is asked about; lb has a copy of parts */
	struct packet parsed;
	struct policing_trace policing; /* by lb->policing itself */
	uint8_t fault;                  /* enum reason that the parser has */
	uint8_t match;                  /* enum match */
	uint8_t entry;                  /* enum lb_entry */
	uint8_t entry_state;            /* enum flow_state */
	uint8_t remembered;             /* enum lb_remembered */
	bool translated;                /* by nat */
	struct translation translation;
	uint16_t mss; /* what a SYN says of segments was lowered to; 0: it was not */
	uint32_t entry_backend;
	uint32_t named;  /* by the QUIC connection id; ABI_NO_BACKEND: by none */
	uint32_t chosen; /* of the service's table; ABI_NO_BACKEND: not asked, or there is none */
};

#ifdef LB_TRACED
#define TELL(lb, assignment)                     \
	do {                                     \
		if ((lb)->trace)                 \
			(lb)->trace->assignment; \
	} while (0)
#else
#define TELL(lb, assignment) ((void)0)
#endif

/* lb_process() of one packet, with `lb->trace`. */
void lb_process_traced(struct lb *lb, const struct snapshot *s, struct lb_packet *packets,
		       unsigned int count, uint64_t now_ns);
unsigned int lb_release_traced(struct lb *lb, const struct snapshot *s, struct lb_packet *packets,
			       unsigned int max, uint64_t now_ns);

#endif
