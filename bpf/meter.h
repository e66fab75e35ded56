/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Token buckets for many sources in bounded memory, for the XDP program and user space alike.
 *
 * A bucket of tokens is one number: the time at which it will be full again (the theoretical
 * arrival time of the generic cell rate algorithm, ITU-T I.371). Taking is one compare-and-swap, so
 * a limit holds exactly over all CPUs together, however packets are spread over them; nothing has
 * to be refilled; and an entry whose time is past says no more than one that was never there. The
 * memory is hashed, four entries to a cache line, and who comes anew takes the entry that is full
 * again for longest, or is the next to be: the quiet ones are forgotten first, at no loss where
 * they were quiet for as long as their bucket takes to fill. Where all of a line are in use there
 * is a second line, which is not looked at before that. By one line alone, half full, one source in
 * thirty would find it taken by others (Azar, Broder, Karlin, Upfal, "Balanced Allocations", STOC
 * '94: two choices).
 *
 * Inexact are only: who is in the second line when the first has an entry to spare again, who gets
 * a full bucket there, once; an entry taken from one that is not full (more busy sources than
 * memory), which gives that source a full bucket when it comes back; and two CPUs that take an
 * entry at the same time, which may cost or give one packet.
 */
#ifndef WEIR_BPF_METER_H
#define WEIR_BPF_METER_H

#include "bpf/flow.h"

#define METER_TICKS   256u /* of meter time in a nanosecond; it wraps after 2.2 years */
#define METER_ENTRIES 4
#define METER_TRIES   8 /* to win against other CPUs */

struct meter_bucket {
	__u64 tag[METER_ENTRIES];     /* whose it is; 0: nobody's */
	__u64 full_at[METER_ENTRIES]; /* in meter time */
};
_Static_assert(sizeof(struct meter_bucket) == 64, "one cache line");

/* Whether the tokens are there; then they are taken. `window`: what a full bucket's tokens cost. */
static __always_inline int meter_take(__u64 *full_at, __u64 now, __u64 cost, __u64 window)
{
	for (int i = 0; i < METER_TRIES; i++) {
		__u64 was = FLOW_LOAD(full_at);
		__u64 from = (__s64)(was - now) > 0 ? was : now;
		if (from - now + cost > window)
			return 0;
		if (__sync_val_compare_and_swap(full_at, was, from + cost) == was)
			return 1;
	}
	return 0;
}

/* Whether there is an entry of that tag, and it is not full. */
static __always_inline int meter_is_busy(const struct meter_bucket *b, __u64 tag, __u64 now)
{
#pragma GCC unroll 4
	for (int i = 0; i < METER_ENTRIES; i++)
		if (FLOW_LOAD(&b->tag[i]) == tag && (__s64)(FLOW_LOAD(&b->full_at[i]) - now) > 0)
			return 1;
	return 0;
}

/* The entry of that tag, or NULL. */
static __always_inline __u64 *meter_find(struct meter_bucket *b, __u64 tag)
{
#pragma GCC unroll 4
	for (int i = 0; i < METER_ENTRIES; i++)
		if (FLOW_LOAD(&b->tag[i]) == tag)
			return &b->full_at[i];
	return 0;
}

/* The entry that is full for longest, or the next to be; in how much time: below 0, it is. */
static __always_inline int meter_quietest(const struct meter_bucket *b, __u64 now, __s64 *left)
{
	int quietest = 0;
	*left = FLOW_LOAD(&b->full_at[0]) - now;
#pragma GCC unroll 3
	for (int i = 1; i < METER_ENTRIES; i++) {
		__s64 other = FLOW_LOAD(&b->full_at[i]) - now;
		if (other < *left) {
			*left = other;
			quietest = i;
		}
	}
	return quietest & (METER_ENTRIES - 1);
}

/* That entry for a tag, of which the bucket has none. */
static __always_inline __u64 *meter_make(struct meter_bucket *b, int at, __u64 tag, __u64 now)
{
	__u64 other = FLOW_LOAD(&b->tag[at]);
	__u64 found = __sync_val_compare_and_swap(&b->tag[at], other, tag);
	if (found == other) /* else another CPU made one, most likely of the same tag */
		*(volatile __u64 *)&b->full_at[at] = now;
	return &b->full_at[at];
}

#endif
