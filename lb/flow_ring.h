/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker has to tell of flows: one worker writes, one thread reads, nobody waits. What does
 * not fit is counted and left out; who walks through the flow table finds it there (lb/sync.h).
 */
#ifndef WEIR_LB_FLOW_RING_H
#define WEIR_LB_FLOW_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/flow.h"

#define FLOW_RING_EVENTS 16384u /* a power of two */

/* An answer by nat came, and nobody knows the way to its client: the state of such an event. */
#define FLOW_WAY_WANTED FLOW_STATES

/* A TCP flow is established now, or closing. By nat: that of the client's packets. */
struct flow_event {
	struct flow_key key;
	uint64_t hash; /* by the flow table's seed */
	uint32_t backend;
	uint32_t state; /* enum flow_state, or FLOW_WAY_WANTED: `key` and `hash` are the answers' */
};

struct flow_ring {
	/* the writer's */
	_Alignas(64) uint32_t written;
	uint64_t lost; /* events for which there was no room */
	/* the reader's */
	_Alignas(64) uint32_t read;
	_Alignas(64) struct flow_event events[FLOW_RING_EVENTS];
};

static inline void flow_ring_put(struct flow_ring *r, const struct flow_event *e)
{
	uint32_t at = r->written;
	if (at - __atomic_load_n(&r->read, __ATOMIC_ACQUIRE) >= FLOW_RING_EVENTS) {
		__atomic_store_n(&r->lost, r->lost + 1, __ATOMIC_RELAXED);
		return;
	}
	r->events[at % FLOW_RING_EVENTS] = *e;
	__atomic_store_n(&r->written, at + 1, __ATOMIC_RELEASE);
}

/* False: nothing is there. */
static inline bool flow_ring_take(struct flow_ring *r, struct flow_event *out)
{
	uint32_t at = r->read;
	if (at == __atomic_load_n(&r->written, __ATOMIC_ACQUIRE))
		return false;
	*out = r->events[at % FLOW_RING_EVENTS];
	__atomic_store_n(&r->read, at + 1, __ATOMIC_RELEASE);
	return true;
}

#endif
