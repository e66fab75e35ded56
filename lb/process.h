/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balancer: bursts of packets in, verdicts and rewritten bytes out. Everything a worker decides
 * is decided here; nothing here waits, allocates, logs or looks at a clock.
 *
 * One struct lb per worker. The flow table is shared by all.
 */
#ifndef WEIR_LB_PROCESS_H
#define WEIR_LB_PROCESS_H

#include <stdint.h>

#include "bpf/abi.h"
#include "bpf/budget.h"
#include "lb/flow_table.h"

struct flow_ring;
struct fragments;
struct held;
struct lb_trace;
struct policing;
struct snapshot;

#define LB_BURST      64u
#define LB_REFUSALS_S 10000u /* packets that each worker refuses a second; more are dropped */

enum lb_verdict {
	LB_TRANSMIT, /* from port `egress` */
	LB_DROP,     /* for `reason` */
	LB_PASS,     /* not ours: the kernel's */
	LB_HOLD,     /* copied: it comes back by lb_release() */
};

/*
 * Writable bytes in front of a frame, where `data` may move to make room for outer headers or a
 * VLAN tag, and behind its last one: a reply may be longer.
 */
#define LB_HEADROOM 64u
#define LB_TAILROOM 64u

struct lb_packet {
	/* in */
	uint8_t *data;    /* the frame, rewritten in place; its start may move */
	uint32_t length;  /* in bytes, without the frame check sequence */
	uint16_t ingress; /* port index, one of the snapshot's */
	uint64_t cookie;  /* the caller's: what is released has that of what was held */
	/* out */
	uint16_t egress; /* port index, for LB_TRANSMIT */
	uint8_t verdict; /* enum lb_verdict */
	uint8_t reason;  /* enum reason, for LB_DROP; REASON_TOO_BIG for the answer to such a one */
	uint32_t service; /* id, or ABI_NO_SERVICE */
	uint32_t backend; /* id, or ABI_NO_BACKEND */
	uint32_t rule;    /* id of the one that decided, or ABI_NO_RULE */
};

struct lb_traffic {
	uint64_t packets, bytes, flows; /* flows: new ones */
};

/* What became of fragments, beside being forwarded or dropped. */
struct lb_fragments {
	uint64_t first;     /* that a datagram was decided by */
	uint64_t forgotten; /* of them: not remembered, so later ones have none to follow */
	uint64_t followed;  /* later ones that shared the fate of their first */
	uint64_t waited;    /* of them and the next: came before their first, and were held */
	uint64_t timed_out; /* dropped, as their first did not come */
	uint64_t refused;   /* dropped at once, as too many wait already */
};

/*
 * One worker's ledger, written by it alone, read by anyone at any time. It holds that
 *   rx_packets == forwarded + returned + neighbor_replies + echo_replies + too_big_replies
 *                 + refusals + redirected + challenges + passed + sum(dropped) + lb_held()
 * (what becomes of a packet after lb_process is the worker's part of the ledger).
 */
struct lb_counters {
	uint64_t rx_packets, rx_bytes;
	uint64_t forwarded;        /* to a backend */
	uint64_t neighbor_replies; /* ARP and neighbour advertisements */
	uint64_t echo_replies;     /* of ICMP */
	uint64_t returned;         /* to a client, by nat */
	uint64_t too_big_replies;  /* packets answered with the ICMP error */
	uint64_t refusals;         /* resets and unreachables, where no backend serves */
	uint64_t redirected;       /* by a rule of the policy */
	uint64_t challenges;       /* SYNs answered by a cookie */
	uint64_t passed;
	uint64_t dropped[ABI_REASON_SLOTS];
	uint64_t dropped_bytes[ABI_REASON_SLOTS]; /* of these, and of what the worker dropped */
	uint64_t flow_inserts, flow_evictions;
	uint64_t flow_untracked; /* not remembered: its bucket is full */
	uint64_t flow_guarded;   /* not remembered: too many a second */
	/*
	 * Checksums that were left to a device which has not done it, by ingress port: seen where a
	 * flow opens, and in all packets of services that verify.
	 */
	uint64_t unfinished[ABI_MAX_PORTS];
	struct lb_fragments fragments;
	struct lb_traffic services[ABI_MAX_SERVICES]; /* by id */
	struct lb_traffic backends[ABI_MAX_BACKENDS];
};

struct lb {
	struct flow_table *flows;
	struct lb_counters *counters; /* the caller's, zeroed or an earlier lb's */
	uint32_t insert_limit;        /* flows a second it remembers */
	struct budget inserts;        /* those it may remember now */
	struct budget echoes;         /* echo requests it may answer now */
	struct budget errors;         /* packets that are too big, the same */
	struct budget refusals;       /* packets it may refuse now */
	struct fragments *fragments;  /* of all workers; NULL: fragments are not balanced */
	struct held *held;            /* of this one */
	struct flow_ring *ring;       /* where it notes what other nodes are to be told; or NULL */
	struct lb_trace *trace;       /* of who explains (lb/trace.h), else NULL */
	struct policing *policing;    /* NULL: what comes was policed before (by the XDP program) */
};

/* `insert_limit`: new flows beyond so many a second go by the service's table alone. */
void lb_init(struct lb *lb, struct flow_table *flows, struct lb_counters *counters,
	     uint32_t insert_limit);

/* Makes it balance fragments, by a table of all workers and a place of its own for early ones. */
void lb_use_fragments(struct lb *lb, struct fragments *fragments, struct held *held);

/* Makes it police packets itself. */
void lb_use_policing(struct lb *lb, struct policing *policing);

/* Zeroed counters, to be freed by free(), for who has no memory of its own for them; or NULL. */
struct lb_counters *lb_counters_new(void);

/* Decides about `count` packets, at most LB_BURST. `now_ns` is CLOCK_MONOTONIC. */
void lb_process(struct lb *lb, const struct snapshot *s, struct lb_packet *packets,
		unsigned int count, uint64_t now_ns);

/*
 * Decides about packets held before, of which it is known by now where they belong, or that waited
 * for too long: at most `max`; how many. Their bytes are copies that stand until the next
 * lb_process(). To be called after it, and every few milliseconds while any are held.
 */
unsigned int lb_release(struct lb *lb, const struct snapshot *s, struct lb_packet *packets,
			unsigned int max, uint64_t now_ns);

/* Packets held right now. Any thread. */
uint32_t lb_held(const struct lb *lb);

#endif
