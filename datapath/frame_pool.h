/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frames of one worker's packet memory that nobody uses: a stack of their addresses (offsets
 * in the UMEM). Worker thread only.
 *
 * A frame has exactly one owner at any time: this free list, a fill ring, the kernel, a receive
 * ring, the worker's burst, a transmit ring or a completion ring.
 */
#ifndef WEIR_DATAPATH_FRAME_POOL_H
#define WEIR_DATAPATH_FRAME_POOL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_SIZE 2048u

struct frame_pool {
	uint64_t *free;
	uint32_t count, capacity;
};

int frame_pool_init(struct frame_pool *p, uint32_t frames); /* -ENOMEM */
void frame_pool_fini(struct frame_pool *p);

/*
 * The same with a list in memory of the caller's, of frame_pool_size() bytes; no _fini(). `count`:
 * so many are free by what the list says already; frame_pool_fill() makes it all of them.
 */
static inline size_t frame_pool_size(uint32_t frames)
{
	return (size_t)frames * sizeof(uint64_t);
}
void frame_pool_use(struct frame_pool *p, void *list, uint32_t frames, uint32_t count);
void frame_pool_fill(struct frame_pool *p);

/* The address of a frame that is now the caller's; there must be one (count > 0). */
static inline uint64_t frame_pool_get(struct frame_pool *p)
{
	assert(p->count > 0);
	return p->free[--p->count];
}

/* Takes a frame back, by any address within it. */
static inline void frame_pool_put(struct frame_pool *p, uint64_t address)
{
	assert(p->count < p->capacity);
	p->free[p->count++] = address & ~(uint64_t)(FRAME_SIZE - 1);
}

#endif
