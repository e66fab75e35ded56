/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a node knows of the flow table's entries beside what stands in them: who of the nodes cares
 * for the flow, and when it was last told of. From that follow the digests that nodes compare: for
 * each node and slice, the exclusive or of the hashes of its established TCP flows. Others are not
 * in them: they end by time, at each node at its own.
 *
 * One mark an entry, 16 bytes. One thread.
 */
#ifndef WEIR_LB_SYNC_BOOK_H
#define WEIR_LB_SYNC_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/flow.h"
#include "lb/sync_message.h"

#define SYNC_NODES_MAX 64u /* in a group; owners are 1 to that */
#define SYNC_NOBODY    0u
#define SYNC_STALE     255u /* its owner was asked for it anew */

enum {
	SYNC_MARK_SEEN = 1,  /* the mark is that of the flow `tag` */
	SYNC_MARK_TOLD = 2,  /* this node has told of it */
	SYNC_MARK_CARED = 4, /* it is in its owner's digest */
};

struct sync_mark {
	uint64_t flow; /* hash, alike on every node; 0: not known yet */
	uint32_t tag;  /* folded, of the entry */
	uint16_t tick; /* last seen, when it was told of or heard of */
	uint8_t owner; /* index of a node, SYNC_NOBODY or SYNC_STALE */
	uint8_t flags; /* SYNC_MARK_* */
};
_Static_assert(sizeof(struct sync_mark) == 16, "four marks are a cache line");

struct sync_book {
	uint64_t entries;
	struct sync_mark *marks;          /* by bucket * FLOW_BUCKET_ENTRIES + entry */
	uint64_t (*digests)[SYNC_SLICES]; /* by owner */
};

/* For a flow table of so many buckets. -ENOMEM. */
int sync_book_init(struct sync_book *b, uint64_t buckets);
void sync_book_fini(struct sync_book *b); /* a zeroed one too */
void sync_book_clear(struct sync_book *b);

static inline uint32_t sync_book_fold(uint64_t tag)
{
	return tag ^ tag >> 32;
}

static inline uint32_t sync_slice(uint64_t flow)
{
	return flow >> 54;
}
_Static_assert(SYNC_SLICES == 1u << (64 - 54), "sync_slice()");

static inline struct sync_mark *sync_book_at(const struct sync_book *b, uint64_t bucket,
					     unsigned int entry)
{
	return &b->marks[bucket * FLOW_BUCKET_ENTRIES + entry];
}

/* The mark of the flow that the entry holds now: what it says of another one is forgotten. */
struct sync_mark *sync_book_mark(struct sync_book *b, uint64_t bucket, unsigned int entry,
				 uint64_t tag);

/* Nothing is known of the entry any more. */
void sync_book_forget(struct sync_book *b, struct sync_mark *m);

/* `owner` cares for the flow; `cared`: it is one that digests have. */
void sync_book_own(struct sync_book *b, struct sync_mark *m, uint8_t owner, uint64_t flow,
		   bool cared);

/* Makes all flows of a node in the slices of a bitmap stale: its digests of them are 0 then. */
void sync_book_stale(struct sync_book *b, uint8_t owner, const uint64_t slices[SYNC_SLICES / 64]);

#endif
