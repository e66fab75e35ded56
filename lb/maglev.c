// SPDX-License-Identifier: BSD-2-Clause
/*
 * Building and asking Maglev tables. A table is immutable once built: the control thread builds and
 * frees it, any thread asks it.
 *
 * The hashes of names, the order of members and the rule of weights are Envoy's, and its published
 * tables come out (tests/unit/test_maglev.c). They must not change: nodes of different versions
 * have to agree.
 */
#include "lb/maglev.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define FREE_SLOT UINT32_MAX

/* A member while the table is filled. */
struct filler {
	const char *name;
	uint64_t weight;
	uint64_t target; /* takes a slot in round r when r * weight >= target */
	uint32_t id;
	uint32_t skip;
	uint32_t position; /* the next slot of its permutation */
};

struct maglev_step maglev_step(const char *name, uint32_t size)
{
	size_t length = strlen(name);
	return (struct maglev_step){
		.offset = XXH64(name, length, 0) % size,
		.skip = XXH64(name, length, 1) % (size - 1) + 1,
	};
}

static void filler_take(struct filler *f, struct maglev *m)
{
	/* The size is a prime, so the permutation comes by every slot, and one is free. */
	while (m->slots[f->position] != FREE_SLOT)
		f->position = ((uint64_t)f->position + f->skip) % m->size;
	m->slots[f->position] = f->id;
}

/*
 * In the first round all take a slot, so that even the lightest has one. In later rounds the
 * heaviest takes one each time, and one of a third of its weight every third time.
 */
static void fill(struct maglev *m, struct filler *fillers, unsigned int count, uint64_t max_weight)
{
	uint32_t taken = 0;
	for (uint64_t round = 1; taken < m->size; round++) {
		for (unsigned int i = 0; i < count && taken < m->size; i++) {
			struct filler *f = &fillers[i];
			if (round * f->weight < f->target)
				continue;
			f->target += max_weight;
			filler_take(f, m);
			taken++;
		}
	}
}

static struct maglev *table_of(struct filler *fillers, unsigned int count, uint32_t size)
{
	if (count == 0 || count > size)
		return NULL;
	struct maglev *m = malloc(sizeof(*m) + (size_t)size * sizeof(m->slots[0]));
	if (!m)
		return NULL;
	uint64_t max_weight = 0;
	for (unsigned int i = 0; i < count; i++)
		if (fillers[i].weight > max_weight)
			max_weight = fillers[i].weight;
	m->size = size;
	memset(m->slots, 0xff, (size_t)size * sizeof(m->slots[0]));
	fill(m, fillers, count, max_weight);
	return m;
}

/* Members with a weight, in their order. `steps` NULL: from the names. Returns how many. */
static unsigned int collect(const struct maglev_member *members, const struct maglev_step *steps,
			    unsigned int count, uint32_t size, struct filler *out)
{
	unsigned int n = 0;
	for (unsigned int i = 0; i < count; i++) {
		const struct maglev_member *member = &members[i];
		if (member->weight == 0)
			continue;
		struct maglev_step step = steps ? steps[i] : maglev_step(member->name, size);
		assert(step.offset < size && step.skip > 0 && step.skip < size);
		assert(member->id != FREE_SLOT);
		out[n++] = (struct filler){
			.name = member->name,
			.weight = member->weight,
			.id = member->id,
			.skip = step.skip,
			.position = step.offset,
		};
	}
	return n;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct filler *)a)->name, ((const struct filler *)b)->name);
}

static struct maglev *build(const struct maglev_member *members, const struct maglev_step *steps,
			    unsigned int count, uint32_t size)
{
	if (count == 0 || size < 2)
		return NULL;
	struct filler *fillers = calloc(count, sizeof(*fillers));
	if (!fillers)
		return NULL;
	unsigned int n = collect(members, steps, count, size, fillers);
	if (!steps)
		qsort(fillers, n, sizeof(*fillers), by_name);
	struct maglev *m = table_of(fillers, n, size);
	free(fillers);
	return m;
}

struct maglev *maglev_new(const struct maglev_member *members, unsigned int count, uint32_t size)
{
	return build(members, NULL, count, size);
}

struct maglev *maglev_new_from_steps(const struct maglev_member *members,
				     const struct maglev_step *steps, unsigned int count,
				     uint32_t size)
{
	return build(members, steps, count, size);
}

void maglev_free(struct maglev *m)
{
	free(m);
}

uint32_t maglev_pick(const struct maglev *m, const uint64_t *up, uint64_t hash)
{
	uint32_t slot = maglev_slot(m, hash);
	for (uint32_t tries = 0; tries < m->size; tries++) {
		uint32_t id = m->slots[slot];
		if (maglev_is_up(up, id))
			return id;
		slot = slot + 1 < m->size ? slot + 1 : 0;
	}
	return UINT32_MAX;
}
