// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "datapath/frame_pool.h"

#include <errno.h>
#include <stdlib.h>

int frame_pool_init(struct frame_pool *p, uint32_t frames)
{
	p->free = calloc(frames, sizeof(*p->free));
	if (!p->free)
		return -ENOMEM;
	p->count = p->capacity = frames;
	for (uint32_t i = 0; i < frames; i++)
		p->free[i] = (uint64_t)i * FRAME_SIZE;
	return 0;
}

void frame_pool_fini(struct frame_pool *p)
{
	free(p->free);
	p->free = NULL;
}
