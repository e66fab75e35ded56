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

/* A member while the table is filled. */
struct filler {
	const char *name;
	uint64_t weight;
	uint64_t target; /* takes a slot in round r when r * weight >= target */
	uint32_t id;
	uint32_t skip;
	uint32_t position; /* the next slot of its permutation */
	uint32_t inverse;  /* of skip, modulo the size; 0: not known yet */
};

/*
 * With so few slots left, they are looked at for the one that comes first in a member's
 * permutation; as long as there are more, the permutation is walked until it meets one, which takes
 * size / left steps. Half of all steps would be spent on the last of them.
 */
#define FEW_LEFT 128u

struct filling {
	struct maglev *table;
	uint64_t *taken;     /* bitmap of slots: it stays in the CPU's first cache */
	uint64_t reciprocal; /* 2^64 / size, rounded up: a division costs more than all the rest */
	uint32_t left;
	uint32_t few[FEW_LEFT]; /* the free slots, once they are few */
};

uint32_t maglev_size(unsigned int count)
{
	return count <= MAGLEV_FEW ? MAGLEV_SMALL_PRIME : MAGLEV_PRIME;
}

struct maglev_step maglev_step(const char *name, uint32_t size)
{
	size_t length = strlen(name);
	return (struct maglev_step){
		.offset = XXH64(name, length, 0) % size,
		.skip = XXH64(name, length, 1) % (size - 1) + 1,
	};
}

/* The size is a prime, so the permutation comes by every slot, and one is free. */
static uint32_t walk(const struct filling *x, const struct filler *f)
{
	uint32_t at = f->position, size = x->table->size;
	while (x->taken[at / 64] >> (at % 64) & 1) {
		at += f->skip;
		at -= at >= size ? size : 0;
	}
	return at;
}

/* By Fermat's little theorem: to the power of size - 2. */
static uint32_t inverse_of(uint64_t n, uint32_t size)
{
	uint64_t result = 1;
	for (uint32_t power = size - 2; power; power /= 2) {
		if (power % 2)
			result = result * n % size;
		n = n * n % size;
	}
	return result;
}

/* n modulo the size, for n up to its square: exact as long as its cube is less than 2^64. */
static inline uint32_t modulo(const struct filling *x, uint64_t n)
{
	uint64_t quotient = (unsigned __int128)n * x->reciprocal >> 64;
	return n - quotient * x->table->size;
}

/* How many steps from its position a slot is. */
static inline uint32_t steps_to(const struct filling *x, const struct filler *f, uint32_t slot)
{
	uint32_t size = x->table->size;
	uint32_t distance = slot >= f->position ? slot - f->position : slot + size - f->position;
	return modulo(x, (uint64_t)distance * f->inverse);
}

/* The same slot as walk() finds; takes it off the list. */
static uint32_t choose(struct filling *x, struct filler *f)
{
	uint32_t best = 0, least = UINT32_MAX;
	if (!f->inverse)
		f->inverse = inverse_of(f->skip, x->table->size);
	for (uint32_t i = 0; i < x->left; i++) {
		uint32_t steps = steps_to(x, f, x->few[i]);
		if (steps < least) {
			least = steps;
			best = i;
		}
	}
	uint32_t slot = x->few[best];
	x->few[best] = x->few[x->left - 1];
	return slot;
}

static void list_few(struct filling *x)
{
	uint32_t n = 0, size = x->table->size;
	for (uint32_t word = 0; word <= size / 64; word++) {
		uint64_t left = ~x->taken[word];
		if (word == size / 64)
			left &= (1ull << size % 64) - 1;
		for (; left; left &= left - 1)
			x->few[n++] = word * 64 + __builtin_ctzll(left);
	}
}

static void filler_take(struct filling *x, struct filler *f)
{
	f->position = x->left > FEW_LEFT ? walk(x, f) : choose(x, f);
	x->taken[f->position / 64] |= 1ull << (f->position % 64);
	x->table->slots[f->position] = f->id;
	if (--x->left == FEW_LEFT)
		list_few(x);
}

/*
 * In the first round all take a slot, so that even the lightest has one. In later rounds the
 * heaviest takes one each time, and one of a third of its weight every third time.
 */
static void fill(struct filling *x, struct filler *fillers, unsigned int count, uint64_t max_weight)
{
	for (uint64_t round = 1; x->left; round++) {
		for (unsigned int i = 0; i < count && x->left; i++) {
			struct filler *f = &fillers[i];
			if (round * f->weight < f->target)
				continue;
			f->target += max_weight;
			filler_take(x, f);
		}
	}
}

static struct maglev *table_of(struct filler *fillers, unsigned int count, uint32_t size)
{
	if (count == 0 || count > size)
		return NULL;
	struct maglev *m = malloc(sizeof(*m) + (size_t)size * sizeof(m->slots[0]));
	struct filling x = {
		.table = m,
		.taken = calloc(size / 64 + 1, sizeof(*x.taken)),
		.reciprocal = UINT64_MAX / size + 1,
		.left = size,
	};
	if (!m || !x.taken) {
		free(x.taken);
		free(m);
		return NULL;
	}
	uint64_t max_weight = 0;
	for (unsigned int i = 0; i < count; i++)
		if (fillers[i].weight > max_weight)
			max_weight = fillers[i].weight;
	m->size = size;
	if (size <= FEW_LEFT)
		list_few(&x);
	fill(&x, fillers, count, max_weight);
	free(x.taken);
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
		assert(member->id <= MAGLEV_ID_MAX);
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
	if (count == 0 || size < 2 || size > MAGLEV_SIZE_MAX)
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
