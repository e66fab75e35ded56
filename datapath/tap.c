// SPDX-License-Identifier: BSD-2-Clause
/* What bpf/tap.h is to BPF programs, and the consumer of both. */
#include "datapath/tap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLOCK_RECORDS 64 /* between two looks at the clock */

struct tap_ring *tap_ring_new(uint32_t size)
{
	size_t line = _Alignof(max_align_t) > 64 ? _Alignof(max_align_t) : 64;
	size_t bytes = (TAP_RING_MEMORY((size_t)size) + line - 1) & ~(line - 1);
	assert(size >= 4096 && !(size & (size - 1)));
	struct tap_ring *r = aligned_alloc(line, bytes);
	if (r)
		*r = (struct tap_ring){.size = size};
	return r;
}

static bool has_room(struct tap_ring *r, uint32_t need)
{
	if (r->head + need - r->tail_seen <= r->size)
		return true;
	r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	return r->head + need - r->tail_seen <= r->size;
}

bool tap_ring_push(struct tap_ring *r, const struct tap_record *record, const void *bytes)
{
	uint32_t need = tap_record_bytes(record->captured);
	if (need > TAP_RECORD_MAX || !has_room(r, need))
		return false;
	uint8_t *to = r->bytes + (r->head & (r->size - 1));
	memcpy(to, record, sizeof(*record));
	memcpy(to + sizeof(*record), bytes, record->captured);
	/* Releases the bytes above to the consumer. */
	__atomic_store_n(&r->head, r->head + need, __ATOMIC_RELEASE);
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
	unsigned int count = 0;
	if (!r)
		return 0;
	uint64_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE), tail = r->tail;
	while (tail != head) {
		const uint8_t *at = r->bytes + (tail & (r->size - 1));
		struct tap_record record;
		memcpy(&record, at, sizeof(record));
		if (fn)
			fn(context, &record, at + sizeof(record));
		tail += tap_record_bytes(record.captured);
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
