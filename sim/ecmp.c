// SPDX-License-Identifier: BSD-2-Clause
#include "sim/ecmp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *ecmp_word(enum ecmp_kind kind)
{
	static const char *const words[ECMP_KINDS] = {"modulo", "threshold", "resilient"};
	return words[kind];
}

int ecmp_init(struct ecmp *e, enum ecmp_kind kind, uint32_t count)
{
	assert(count > 0 && count < ECMP_MAX);
	*e = (struct ecmp){.kind = kind, .count = count, .bucket_count = 1};
	while (e->bucket_count < count * ECMP_BUCKETS_EACH)
		e->bucket_count *= 2;
	e->buckets = calloc(e->bucket_count, sizeof(*e->buckets));
	if (!e->buckets)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		e->members[i] = i;
	for (uint32_t i = 0; i < e->bucket_count; i++)
		e->buckets[i] = i % count;
	return 0;
}

void ecmp_fini(struct ecmp *e)
{
	free(e->buckets);
	*e = (struct ecmp){};
}

static void count_buckets(const struct ecmp *e, uint32_t held[ECMP_MAX])
{
	memset(held, 0, ECMP_MAX * sizeof(held[0]));
	for (uint32_t i = 0; i < e->bucket_count; i++)
		held[e->buckets[i]]++;
}

static uint32_t least_held(const struct ecmp *e, const uint32_t held[ECMP_MAX])
{
	uint32_t least = e->members[0];
	for (uint32_t i = 1; i < e->count; i++)
		if (held[e->members[i]] < held[least])
			least = e->members[i];
	return least;
}

void ecmp_remove(struct ecmp *e, uint32_t member)
{
	uint32_t held[ECMP_MAX], at = 0;
	assert(e->count > 1);
	while (e->members[at] != member)
		at++;
	memmove(&e->members[at], &e->members[at + 1], (--e->count - at) * sizeof(e->members[0]));
	count_buckets(e, held);
	for (uint32_t i = 0; i < e->bucket_count; i++) {
		if (e->buckets[i] != member)
			continue;
		e->buckets[i] = least_held(e, held);
		held[e->buckets[i]]++;
	}
}

/* Next hops with more than their share give buckets up. */
void ecmp_add(struct ecmp *e, uint32_t member)
{
	uint32_t held[ECMP_MAX];
	assert(e->count < ECMP_MAX);
	e->members[e->count++] = member;
	count_buckets(e, held);
	uint32_t share = e->bucket_count / e->count;
	for (uint32_t i = 0; i < e->bucket_count && held[member] < share; i++) {
		if (held[e->buckets[i]] <= share)
			continue;
		held[e->buckets[i]]--;
		held[member]++;
		e->buckets[i] = member;
	}
}

uint32_t ecmp_pick(const struct ecmp *e, uint32_t hash)
{
	switch (e->kind) {
	case ECMP_MODULO:
		return e->members[hash % e->count];
	case ECMP_THRESHOLD:
		return e->members[(uint64_t)hash * e->count >> 32];
	default:
		return e->buckets[hash & (e->bucket_count - 1)];
	}
}
