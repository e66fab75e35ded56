/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a receiver knows of one flow's numbered packets: which of the last 64 numbers it has seen. A
 * packet is reordered when one with a higher number came before it (RFC 4737, 3.3); a number that
 * never comes is lost; one that comes again is a duplicate. What is older than 64 numbers is
 * reordered, and nobody knows whether it came before.
 *
 * Numbers have 32 bits and go round. A sender that starts anew has another epoch.
 */
#ifndef WEIR_BPF_SEQUENCE_H
#define WEIR_BPF_SEQUENCE_H

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define SEQUENCE_WINDOW 64u

struct sequence {
	__u64 seen;  /* bit n: number next - 1 - n; 0: nothing came yet */
	__u32 next;  /* the highest number that came, and 1 */
	__u32 first; /* the first that came of this epoch */
	__u32 epoch;
	__u32 pad;
};

/* What has come, of any flows. */
struct sequence_counts {
	__u64 received;
	__u64 skipped;   /* numbers that had not come when a higher one did */
	__u64 filled;    /* of those came later; skipped - filled are lost */
	__u64 reordered; /* filled, and others that came late */
	__u64 duplicates;
	__u64 stale;    /* of the reordered: too old to know */
	__u64 farthest; /* the most numbers that a reordered packet was late by */
};

static __always_inline void sequence_begin(struct sequence *s, __u32 number, __u32 epoch)
{
	s->seen = 1;
	s->next = number + 1;
	s->first = number;
	s->epoch = epoch;
}

static __always_inline void sequence_advance(struct sequence *s, __u32 number,
					     struct sequence_counts *c)
{
	__u32 skipped = number - s->next;
	c->skipped += skipped;
	/* A shift by all bits is none in C. */
	s->seen = skipped < SEQUENCE_WINDOW - 1 ? s->seen << (skipped + 1) | 1 : 1;
	s->next = number + 1;
}

static __always_inline void sequence_late(struct sequence *s, __u32 number,
					  struct sequence_counts *c)
{
	__u32 late = s->next - 1 - number;
	__u64 bit = late < SEQUENCE_WINDOW ? 1ull << late : 0;
	if (s->seen & bit) {
		c->duplicates++;
		return;
	}
	s->seen |= bit;
	c->reordered++;
	c->stale += !bit;
	c->filled += bit && (__s32)(number - s->first) >= 0;
	if (late > c->farthest)
		c->farthest = late;
}

/* Takes note of a packet that comes right behind the last, as nearly all do. False: it does not. */
static __always_inline int sequence_follow(struct sequence *s, __u32 number, __u32 epoch)
{
	if (!s->seen || s->epoch != epoch || number != s->next)
		return 0;
	s->seen = s->seen << 1 | 1;
	s->next = number + 1;
	return 1;
}

/* Takes note of one that does not. */
static __always_inline void sequence_jump(struct sequence *s, __u32 number, __u32 epoch,
					  struct sequence_counts *c)
{
	if (!s->seen || s->epoch != epoch)
		sequence_begin(s, number, epoch);
	else if ((__s32)(number - s->next) >= 0)
		sequence_advance(s, number, c);
	else
		sequence_late(s, number, c);
}

/* Takes note of a packet. */
static __always_inline void sequence_note(struct sequence *s, __u32 number, __u32 epoch,
					  struct sequence_counts *c)
{
	c->received++;
	if (!sequence_follow(s, number, epoch))
		sequence_jump(s, number, epoch, c);
}

#endif
