// SPDX-License-Identifier: BSD-2-Clause
/*
 * Candidates are numbered: address by address, port by port. A claim goes from one that a hash
 * picks over those whose bit is not set, and asks the flow table for each: that puts the flow in if
 * nobody has it, or the bit is set. When all bits are set, all ports were taken at some time since
 * they were forgotten; then they are forgotten, once a second at most, and looked at again.
 *
 * So the first claims cost one look; with few ports left the table is looked at once for each port
 * in a second, however many clients come, and at a few that are believed taken, since the bits are
 * those of all ports of the backend together. Bits are set and forgotten by any thread at any time:
 * one lost or too many costs a look, or hides a free port until the next forgetting.
 */
#include "lb/snat.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "lb/translate.h"

#define NO_CANDIDATE UINT32_MAX

struct snat_taken {
	uint64_t forgot_ns; /* when that was last done */
	uint32_t words;
	uint64_t bits[];
};

static uint32_t ports_of(const struct snat_pool *pool)
{
	return pool->last_port - pool->first_port + 1u;
}

static uint32_t candidates_of(const struct snat_pool *pool)
{
	return pool->count * ports_of(pool);
}

struct snat_taken *snat_taken_new(const struct snat_pool *pool)
{
	uint32_t words = (candidates_of(pool) + 63) / 64;
	/* calloc: of a large one only what is used becomes memory. */
	struct snat_taken *t = calloc(1, sizeof(*t) + words * sizeof(t->bits[0]));
	if (t)
		t->words = words;
	return t;
}

void snat_taken_free(struct snat_taken *taken)
{
	free(taken);
}

/* --- bits ----------------------------------------------------------------------------------- */

/* The free candidates of a word, from number `from` on and below `end`. */
static uint64_t free_in_word(const struct snat_taken *t, uint32_t word, uint32_t from, uint32_t end)
{
	uint64_t bits = ~__atomic_load_n(&t->bits[word], __ATOMIC_RELAXED);
	if (from / 64 == word)
		bits &= ~0ull << from % 64;
	if (end / 64 == word)
		bits &= ~(~0ull << end % 64);
	return bits;
}

/* The first free candidate of those from `from` on that are below `end`. */
static uint32_t first_free(const struct snat_taken *t, uint32_t from, uint32_t end)
{
	for (uint32_t word = from / 64; word * 64 < end; word++) {
		uint64_t bits = free_in_word(t, word, from, end);
		if (bits)
			return word * 64 + __builtin_ctzll(bits);
	}
	return NO_CANDIDATE;
}

static uint32_t next_free(const struct snat_taken *t, uint32_t from, uint32_t count)
{
	uint32_t found = first_free(t, from, count);
	return found == NO_CANDIDATE ? first_free(t, 0, from) : found;
}

static void set_taken(struct snat_taken *t, uint32_t candidate)
{
	__atomic_fetch_or(&t->bits[candidate / 64], 1ull << candidate % 64, __ATOMIC_RELAXED);
}

static bool may_forget(const struct snat_taken *t, uint64_t now_ns, uint64_t *before)
{
	*before = __atomic_load_n(&t->forgot_ns, __ATOMIC_RELAXED);
	return now_ns - *before >= SNAT_FORGET_NS;
}

/* One thread does it, and no more than once a while. */
static bool forget(struct snat_taken *t, uint64_t now_ns)
{
	uint64_t before;
	if (!may_forget(t, now_ns, &before) ||
	    !__atomic_compare_exchange_n(&t->forgot_ns, &before, now_ns, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED))
		return false;
	for (uint32_t i = 0; i < t->words; i++)
		__atomic_store_n(&t->bits[i], 0, __ATOMIC_RELAXED);
	return true;
}

/* --- claims --------------------------------------------------------------------------------- */

/* The answers to a candidate. */
static void use_candidate(const struct snat_pool *pool, const struct flow_table *flows,
			  uint32_t candidate, struct snat_wanted *w, uint64_t *answers)
{
	w->key.destination = pool->addresses[candidate / ports_of(pool)];
	w->key.destination_port = htons(pool->first_port + candidate % ports_of(pool));
	*answers = flow_hash(&w->key, &flows->seed);
	translation_prepare(&w->translation, &w->key);
}

static enum flow_insert try_candidate(const struct snat_pool *pool, struct flow_table *flows,
				      uint32_t candidate, uint64_t now_ns, struct snat_wanted *w,
				      uint64_t *answers)
{
	use_candidate(pool, flows, candidate, w, answers);
	return flow_table_claim(flows, *answers, w->backend, w->state, now_ns, &w->key,
				&w->translation);
}

/* Where to look next: a candidate that is not believed taken, if there is one. */
static uint32_t next_candidate(const struct snat_pool *pool, struct snat_taken *t, uint32_t at,
			       uint64_t now_ns, uint32_t *doubtful)
{
	uint32_t count = candidates_of(pool), found = next_free(t, at, count);
	if (found == NO_CANDIDATE && forget(t, now_ns))
		found = next_free(t, at, count);
	if (found != NO_CANDIDATE)
		return found;
	return (*doubtful)++ < SNAT_DOUBTS ? (at + 1) % count : NO_CANDIDATE;
}

enum snat_claim snat_claim(const struct snat_pool *pool, struct snat_taken *taken,
			   struct flow_table *flows, uint64_t hash, uint64_t now_ns,
			   struct snat_wanted *wanted, uint64_t *answers)
{
	uint32_t count = candidates_of(pool), at = count ? (hash >> 32) % count : 0, doubtful = 0;
	enum snat_claim result = SNAT_EXHAUSTED;
	for (uint32_t tries = 0; count && tries < SNAT_TRIES; tries++) {
		at = next_candidate(pool, taken, at, now_ns, &doubtful);
		if (at == NO_CANDIDATE)
			break;
		enum flow_insert got = try_candidate(pool, flows, at, now_ns, wanted, answers);
		set_taken(taken, at);
		if (got == FLOW_INSERTED || got == FLOW_EVICTED)
			return SNAT_CLAIMED;
		if (got == FLOW_FULL)
			result = SNAT_NO_ROOM;
	}
	return result;
}

/* --- looks ---------------------------------------------------------------------------------- */

enum snat_claim snat_look(const struct snat_pool *pool, const struct snat_taken *taken,
			  const struct flow_table *flows, uint64_t hash, uint64_t now_ns,
			  struct snat_wanted *wanted, uint64_t *answers)
{
	uint32_t count = candidates_of(pool), at = count ? (hash >> 32) % count : 0, doubtful = 0;
	uint64_t before;
	struct flow_hit hit;
	bool forgotten = false;
	for (uint32_t tries = 0; count && tries < SNAT_TRIES; tries++) {
		uint32_t next = forgotten ? at : next_free(taken, at, count);
		forgotten |= next == NO_CANDIDATE && may_forget(taken, now_ns, &before);
		if (next == NO_CANDIDATE && !forgotten && doubtful++ == SNAT_DOUBTS)
			break;
		at = next == NO_CANDIDATE ? at : next;
		use_candidate(pool, flows, at, wanted, answers);
		if (!flow_table_find(flows, *answers, now_ns, &hit))
			return SNAT_CLAIMED;
		at = (at + 1) % count;
	}
	return SNAT_EXHAUSTED;
}
