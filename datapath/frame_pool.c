// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "datapath/frame_pool.h"

#include <errno.h>
#include <stdlib.h>

int frame_pool_init(struct frame_pool *p, uint32_t frames)
{
	void *list = malloc(frame_pool_size(frames));
	if (!list)
		return -ENOMEM;
	frame_pool_use(p, list, frames, 0);
	frame_pool_fill(p);
	return 0;
}

void frame_pool_use(struct frame_pool *p, void *list, uint32_t frames, uint32_t count)
{
	*p = (struct frame_pool){.free = list, .count = count, .capacity = frames};
}

void frame_pool_fill(struct frame_pool *p)
{
	p->count = p->capacity;
	for (uint32_t i = 0; i < p->capacity; i++)
		p->free[i] = (uint64_t)i * FRAME_SIZE;
}

void frame_pool_fini(struct frame_pool *p)
{
	free(p->free);
	p->free = NULL;
}
