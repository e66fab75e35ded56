/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The taps of a worker. They find out what captures want as the XDP programs do (bpf/capture.h),
 * and write into a ring of the worker's own. Its thread alone calls this, but for reading ring and
 * state.
 */
#ifndef WEIR_DATAPATH_WORKER_TAP_H
#define WEIR_DATAPATH_WORKER_TAP_H

#include <stdint.h>

#include "datapath/tap.h"
#include "lb/process.h"

struct tap_copy;

struct worker_tap {
	const struct tap_control *control; /* the control thread writes it */
	struct capture_slot *slots;
	uint16_t worker;
	uint64_t id; /* of the packet that is being looked at */
	struct tap_copy
		*copies; /* of a burst, as it came; only while captures want packets of services */
	struct tap_ring *ring;
	struct tap_state state;
};

/* -ENOMEM. */
int worker_tap_init(struct worker_tap *t, uint16_t worker, const struct tap_control *control,
		    struct capture_slot *slots);
void worker_tap_fini(struct worker_tap *t); /* a zeroed one too */

/* Keeps what a burst is before it is rewritten, if anybody wants to know. */
void worker_tap_keep_copies(struct worker_tap *t, const struct lb_packet *burst,
			    unsigned int count);

static inline void worker_tap_keep(struct worker_tap *t, const struct lb_packet *burst,
				   unsigned int count)
{
	if (__builtin_expect(t->control->services, 0))
		worker_tap_keep_copies(t, burst, count);
}

/* A packet of a port's queue that was, or is about to be, sent or dropped. */
struct worker_tap_packet {
	const struct lb_packet *packet;
	int copy; /* its place in the burst that was kept, or -1 */
	uint16_t port, queue;
	uint64_t now_ns;
};

void worker_tap_sent(struct worker_tap *t, const struct worker_tap_packet *p);
void worker_tap_dropped(struct worker_tap *t, const struct worker_tap_packet *p);

/* Records that found the ring full, of all captures together. Any thread. */
uint64_t worker_tap_lost(const struct worker_tap *t);

/* Whether the two are to be called. */
static inline bool worker_tap_wants_sent(const struct worker_tap *t)
{
	return __builtin_expect(t->control->forwarded, 0);
}

static inline bool worker_tap_wants_dropped(const struct worker_tap *t, uint8_t reason)
{
	uint64_t reasons = __atomic_load_n(&t->control->reasons, __ATOMIC_RELAXED);
	return __builtin_expect((reasons >> reason & 1) | t->control->services, 0);
}

#endif
