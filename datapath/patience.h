/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a worker that has nothing to do looks for packets before it sleeps (`poll: adaptive`).
 * Looking takes a CPU that others may need, being woken takes time from the next packet. What is
 * cheaper is learned, as KVM's halt polling does (Linux, Documentation/virt/kvm/halt-polling.rst):
 * packets that come soon after it fell asleep make it look longer the next time, up to
 * PATIENCE_MOST_NS; packets that come later than that make it sleep at once, because looking would
 * not have seen them either.
 */
#ifndef WEIR_DATAPATH_PATIENCE_H
#define WEIR_DATAPATH_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#define PATIENCE_FIRST_NS 10000u
#define PATIENCE_MOST_NS  50000u

/* Zeroed: it sleeps at once. Times are of one monotonic clock, in ns. */
struct patience {
	uint64_t ns; /* how long it looks */
	uint64_t idle_since_ns;
	bool idle, slept;
};

/* Packets have come. */
static inline void patience_reward(struct patience *p, uint64_t now_ns)
{
	if (p->slept && now_ns - p->idle_since_ns > PATIENCE_MOST_NS)
		p->ns = 0;
	else if (p->slept)
		p->ns = p->ns ? p->ns * 2 : PATIENCE_FIRST_NS;
	if (p->ns > PATIENCE_MOST_NS)
		p->ns = PATIENCE_MOST_NS;
	p->idle = p->slept = false;
}

/* None have come; whether to sleep now. */
static inline bool patience_is_over(struct patience *p, uint64_t now_ns)
{
	if (!p->idle)
		p->idle_since_ns = now_ns;
	p->idle = true;
	p->slept = now_ns - p->idle_since_ns >= p->ns;
	return p->slept;
}

#endif
