// SPDX-License-Identifier: BSD-2-Clause
/* A ring; a zeroed record, of time 0, is too old for anybody. */
#include "tools/weir/blackbox.h"

#include <stdlib.h>
#include <string.h>

#include "datapath/memory.h"

#define NS_PER_S 1000000000ull

struct kept {
	struct tap_record record;
	uint8_t bytes[BLACKBOX_BYTES];
};

struct blackbox {
	uint64_t keep_ns;
	uint32_t capacity, next;
	struct kept kept[];
};

struct blackbox *blackbox_new(uint32_t packets, uint32_t seconds)
{
	size_t size = sizeof(struct blackbox) + (size_t)packets * sizeof(struct kept);
	struct blackbox *b = calloc(1, size);
	if (!b)
		return NULL;
	memory_hide(b, size);
	b->capacity = packets;
	b->keep_ns = seconds * NS_PER_S;
	return b;
}

void blackbox_free(struct blackbox *b)
{
	free(b);
}

void blackbox_put(struct blackbox *b, const struct tap_record *r, const void *bytes)
{
	struct kept *k = &b->kept[b->next];
	b->next = b->next + 1 < b->capacity ? b->next + 1 : 0;
	k->record = *r;
	if (k->record.captured > BLACKBOX_BYTES)
		k->record.captured = BLACKBOX_BYTES;
	memcpy(k->bytes, bytes, k->record.captured);
}

void blackbox_replay(const struct blackbox *b, uint64_t now_ns, tap_fn *fn, void *context)
{
	uint64_t from_ns = now_ns > b->keep_ns ? now_ns - b->keep_ns : 1;
	for (uint32_t i = 0; i < b->capacity; i++) {
		const struct kept *k = &b->kept[(b->next + i) % b->capacity];
		if (k->record.time_ns >= from_ns)
			fn(context, &k->record, k->bytes);
	}
}

uint32_t blackbox_capacity(const struct blackbox *b)
{
	return b->capacity;
}
