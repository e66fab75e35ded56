// SPDX-License-Identifier: BSD-2-Clause
/* Invariant: digests[o][s] is the exclusive or of `flow` of all marks that `o` cares for in `s`. */
#include "lb/sync_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sync_book_init(struct sync_book *b, uint64_t buckets)
{
	*b = (struct sync_book){.entries = buckets * FLOW_BUCKET_ENTRIES};
	b->marks = calloc(b->entries, sizeof(*b->marks));
	b->digests = calloc(SYNC_NODES_MAX + 1, sizeof(*b->digests));
	if (b->marks && b->digests)
		return 0;
	sync_book_fini(b);
	return -ENOMEM;
}

void sync_book_fini(struct sync_book *b)
{
	free(b->marks);
	free(b->digests);
	*b = (struct sync_book){};
}

void sync_book_clear(struct sync_book *b)
{
	/* Those that were never written stay memory that the kernel need not have. */
	for (uint64_t i = 0; i < b->entries; i++)
		if (b->marks[i].flags)
			b->marks[i] = (struct sync_mark){};
	memset(b->digests, 0, (SYNC_NODES_MAX + 1) * sizeof(*b->digests));
}

/* Takes the flow out of its owner's digest. */
static void disown(struct sync_book *b, struct sync_mark *m)
{
	if (m->flags & SYNC_MARK_CARED)
		b->digests[m->owner][sync_slice(m->flow)] ^= m->flow;
	m->flags &= ~SYNC_MARK_CARED;
	m->owner = SYNC_NOBODY;
}

void sync_book_forget(struct sync_book *b, struct sync_mark *m)
{
	disown(b, m);
	*m = (struct sync_mark){};
}

struct sync_mark *sync_book_mark(struct sync_book *b, uint64_t bucket, unsigned int entry,
				 uint64_t tag)
{
	struct sync_mark *m = sync_book_at(b, bucket, entry);
	if (m->flags && m->tag != sync_book_fold(tag))
		sync_book_forget(b, m);
	return m;
}

void sync_book_own(struct sync_book *b, struct sync_mark *m, uint8_t owner, uint64_t flow,
		   bool cared)
{
	disown(b, m);
	m->owner = owner;
	m->flow = flow;
	if (!cared)
		return;
	m->flags |= SYNC_MARK_CARED;
	b->digests[owner][sync_slice(flow)] ^= flow;
}

void sync_book_stale(struct sync_book *b, uint8_t owner, const uint64_t slices[SYNC_SLICES / 64])
{
	for (uint64_t i = 0; i < b->entries; i++) {
		struct sync_mark *m = &b->marks[i];
		uint32_t slice = sync_slice(m->flow);
		if (m->owner != owner || !(slices[slice / 64] >> (slice % 64) & 1))
			continue;
		disown(b, m);
		m->owner = SYNC_STALE;
	}
}
