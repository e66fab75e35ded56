/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When the next packet of a stream at a constant rate is due. Time is in ticks since the stream
 * began: nanoseconds, or those of the CPU's time stamp counter. Fractions of a tick are kept, so
 * that the rate is right to one part in ten millions; a sender that was late catches up.
 */
#ifndef WEIR_BPF_PACER_H
#define WEIR_BPF_PACER_H

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define PACER_FRACTION 16 /* bits; 48 are left for ticks: 78 hours of nanoseconds */

struct pacer {
	__u64 next; /* when the next one is due, in 2^-16 ticks */
	__u64 gap;  /* between two; 0: as fast as it goes */
};

/* Whether a packet is due at tick `now`; then it is taken as sent. */
static __always_inline int pacer_take(struct pacer *p, __u64 now)
{
	if (p->next > now << PACER_FRACTION)
		return 0;
	p->next += p->gap;
	return 1;
}

#ifndef __bpf__
/* For `rate` packets a second, where a second is `hz` ticks. */
static inline struct pacer pacer_at(double rate, double hz)
{
	// NOLINTNEXTLINE(bugprone-incorrect-roundings): it is positive
	return (struct pacer){.gap = hz / rate * (1 << PACER_FRACTION) + 0.5};
}

/* How many packets are due, at most `most`; none of them is taken. */
static inline __u32 pacer_due(const struct pacer *p, __u64 now, __u32 most)
{
	if (!p->gap)
		return most;
	__u64 at = now << PACER_FRACTION;
	if (p->next > at)
		return 0;
	__u64 due = (at - p->next) / p->gap + 1;
	return due < most ? due : most;
}

static inline void pacer_sent(struct pacer *p, __u32 count)
{
	p->next += p->gap * count;
}
#endif

#endif
