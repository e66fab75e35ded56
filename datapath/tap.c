// SPDX-License-Identifier: BSD-2-Clause
/*
 * Records lie one behind the other, each a tap_record and its bytes rounded up to 8. One that would
 * cross the end of the memory starts at its beginning; the gap holds a record of length GAP.
 */
#include "datapath/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GAP           UINT32_MAX
#define CLOCK_RECORDS 64 /* between two looks at the clock */

static uint64_t round_up(uint64_t n)
{
	return (n + 7) & ~7ull;
}

int tap_ring_init(struct tap_ring *r, size_t size)
{
	memset(r, 0, sizeof(*r));
	if (size < 4096 || size & (size - 1))
		return -EINVAL;
	r->bytes = malloc(size);
	r->size = size;
	return r->bytes ? 0 : -ENOMEM;
}

void tap_ring_fini(struct tap_ring *r)
{
	free(r->bytes);
	r->bytes = NULL;
}

bool tap_ring_push(struct tap_ring *r, const struct tap_record *record, const void *bytes)
{
	uint64_t need = sizeof(*record) + round_up(record->captured);
	uint64_t head = r->head, at = head & (r->size - 1), gap = 0;
	if (at + need > r->size)
		gap = r->size - at;
	uint64_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	if (need + gap > r->size - (head - tail))
		return false;
	if (gap >= sizeof(*record)) {
		struct tap_record filler = {.captured = GAP};
		memcpy(r->bytes + at, &filler, sizeof(filler));
	}
	uint8_t *to = r->bytes + ((head + gap) & (r->size - 1));
	memcpy(to, record, sizeof(*record));
	memcpy(to + sizeof(*record), bytes, record->captured);
	/* Releases the bytes above to the consumer. */
	__atomic_store_n(&r->head, head + gap + need, __ATOMIC_RELEASE);
	return true;
}

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

unsigned int tap_ring_drain(struct tap_ring *r, tap_fn *fn, void *context, uint64_t until_ns)
{
	uint64_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE), tail = r->tail;
	unsigned int count = 0;
	while (tail != head) {
		uint64_t at = tail & (r->size - 1);
		struct tap_record record;
		if (r->size - at < sizeof(record)) {
			tail += r->size - at;
			continue;
		}
		memcpy(&record, r->bytes + at, sizeof(record));
		if (record.captured == GAP) {
			tail += r->size - at;
			continue;
		}
		if (fn)
			fn(context, &record, r->bytes + at + sizeof(record));
		tail += sizeof(record) + round_up(record.captured);
		if (++count % CLOCK_RECORDS == 0 && clock_now_ns() >= until_ns)
			break;
	}
	/* Gives the room back to the producer. */
	__atomic_store_n(&r->tail, tail, __ATOMIC_RELEASE);
	return count;
}

void tap_control_set(struct tap_control *to, const struct tap_control *from)
{
	const uint64_t *words = (const void *)from;
	uint64_t *out = (void *)to;
	__atomic_store_n(&out[0], words[0], __ATOMIC_RELEASE);
	__atomic_store_n(&out[1], words[1], __ATOMIC_RELEASE);
}
