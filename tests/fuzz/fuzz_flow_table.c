// SPDX-License-Identifier: BSD-2-Clause
/*
 * A flow table whose memory holds anything, and any row of calls on it. What was inserted must be
 * found, what was removed must not; each look at the whole table must count the same.
 */
#include <stdbool.h>
#include <string.h>

#include "lb/flow_table.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/dice.h"

#define ENTRIES  8u
#define BUCKETS  4u
#define BACKENDS 4u

struct world {
	struct flow_table table;
	struct dice dice;
	uint64_t now_ns;
};

/* Garbage as long as the bytes last: the first one says for how many words. */
static void fill(struct world *w, void *memory)
{
	uint32_t words = dice_roll(&w->dice, BUCKETS * sizeof(struct flow_bucket) / 4 + 1);
	for (uint32_t i = 0; i < words; i++) {
		uint32_t word = dice_roll(&w->dice, UINT32_MAX);
		memcpy((uint8_t *)memory + 4 * i, &word, sizeof(word));
	}
}

/* Few flows, so that they meet: the bucket, and one of eight tags. */
static uint64_t some_hash(struct world *w)
{
	return dice_roll(&w->dice, BUCKETS) | (uint64_t)dice_roll(&w->dice, 8) << 16;
}

static struct flow_key key_of(uint64_t hash)
{
	return (struct flow_key){.protocol = 17, .source_port = hash >> 16};
}

static bool is_held(const struct world *w, uint64_t hash)
{
	return flow_table_bucket(&w->table, hash)->sequence % 2;
}

static void insert(struct world *w)
{
	uint64_t hash = some_hash(w);
	uint32_t backend = dice_roll(&w->dice, BACKENDS);
	enum flow_state state = 1 + dice_roll(&w->dice, FLOW_STATES - 1);
	struct flow_key key = key_of(hash);
	struct flow_hit hit;
	bool held = is_held(w, hash);
	enum flow_insert r = flow_table_insert(&w->table, hash, backend, state, w->now_ns, &key);
	FUZZ_EXPECT(!held || r == FLOW_FULL);
	if (r == FLOW_FULL)
		return;
	FUZZ_EXPECT(flow_table_find(&w->table, hash, w->now_ns, &hit));
	FUZZ_EXPECT(hit.backend == backend && hit.state == state);
	FUZZ_EXPECT(!is_held(w, hash));
}

/* A SNAT port is given to nobody while the flow that answers there lives. */
static void claim(struct world *w)
{
	uint64_t hash = some_hash(w);
	uint32_t backend = dice_roll(&w->dice, BACKENDS);
	enum flow_state state = 1 + dice_roll(&w->dice, FLOW_STATES - 1);
	struct flow_key key = key_of(hash);
	struct translation x = {.peer = hash ^ 1}, got;
	struct flow_hit hit;
	if (!w->table.translations)
		return;
	bool lives = flow_table_find(&w->table, hash, w->now_ns, &hit), held = is_held(w, hash);
	enum flow_insert r = flow_table_claim(&w->table, hash, backend, state, w->now_ns, &key, &x);
	FUZZ_EXPECT(!held || r == FLOW_FULL);
	FUZZ_EXPECT(!lives || r == FLOW_FULL || r == FLOW_TAKEN);
	FUZZ_EXPECT(lives || r != FLOW_TAKEN);
	if (r == FLOW_FULL || r == FLOW_TAKEN)
		return;
	FUZZ_EXPECT(flow_table_find(&w->table, hash, w->now_ns, &hit));
	FUZZ_EXPECT(hit.backend == backend && hit.state == state);
	FUZZ_EXPECT(flow_hit_is_translated(&hit) && flow_hit_answers(&hit));
	FUZZ_EXPECT(flow_table_translation(&w->table, &hit, &got) && got.peer == x.peer);
	x.peer ^= 2;
	flow_table_retranslate(&w->table, &hit, &x);
	FUZZ_EXPECT(flow_table_translation(&w->table, &hit, &got) && got.peer == x.peer);
}

static void find_and_touch(struct world *w)
{
	uint64_t hash = some_hash(w);
	struct flow_hit hit, again;
	if (!flow_table_find(&w->table, hash, w->now_ns, &hit))
		return;
	enum flow_state state = 1 + dice_roll(&w->dice, FLOW_STATES - 1);
	flow_table_touch(&hit, state, w->now_ns);
	FUZZ_EXPECT(flow_table_find(&w->table, hash, w->now_ns, &again));
	FUZZ_EXPECT(again.backend == hit.backend && again.state == state);
}

static void remove_found(struct world *w)
{
	uint64_t hash = some_hash(w);
	struct flow_hit hit, again;
	if (!flow_table_find(&w->table, hash, w->now_ns, &hit))
		return;
	flow_table_remove(&w->table, hash, hit.backend);
	if (flow_table_find(&w->table, hash, w->now_ns, &again))
		FUZZ_EXPECT(again.backend != hit.backend);
}

/* How many flows people would be shown; of translated connections one of two. */
static uint64_t read_all(const struct world *w)
{
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	uint64_t count = 0;
	for (uint64_t at = 0; at <= w->table.mask; at++) {
		unsigned int n = flow_table_read(&w->table, at, w->now_ns, flows);
		FUZZ_EXPECT(n <= FLOW_BUCKET_ENTRIES);
		for (unsigned int i = 0; i < n; i++) {
			FUZZ_EXPECT(flows[i].backend <= FLOW_TAG_BACKEND &&
				    flows[i].state > FLOW_FREE && flows[i].state < FLOW_STATES);
			count += !flows[i].answers;
		}
	}
	return count;
}

static void sweep(struct world *w)
{
	uint64_t keep[ABI_MAX_BACKENDS / 64] = {dice_roll(&w->dice, 256)};
	struct flow_sweep seen = {};
	uint64_t position = 0, live = 0;
	bool held = false;
	for (uint64_t at = 0; at <= w->table.mask; at++)
		held |= is_held(w, at);
	FUZZ_EXPECT(flow_table_sweep(&w->table, &position, UINT64_MAX, keep, w->now_ns, &seen));
	FUZZ_EXPECT(position == 0 && seen.entries[FLOW_FREE] == 0);
	for (int state = 0; state < FLOW_STATES; state++)
		live += seen.entries[state];
	FUZZ_EXPECT(live <= BUCKETS * FLOW_BUCKET_ENTRIES);
	if (!held)
		FUZZ_EXPECT(live == read_all(w));
}

/* A part of a sweep, from anywhere. */
static void sweep_some(struct world *w)
{
	struct flow_sweep seen = {};
	uint64_t position = dice_roll(&w->dice, 65536);
	uint64_t count = dice_roll(&w->dice, 16);
	bool end = flow_table_sweep(&w->table, &position, count, NULL, w->now_ns, &seen);
	FUZZ_EXPECT(position <= w->table.mask && (!end || position == 0));
}

static void repair(struct world *w)
{
	flow_table_repair(&w->table);
	for (uint64_t at = 0; at <= w->table.mask; at++)
		FUZZ_EXPECT(!is_held(w, at));
}

static void run(struct world *w)
{
	static void (*const calls[])(struct world *) = {
		insert, insert,     find_and_touch, find_and_touch, remove_found,
		sweep,  sweep_some, repair,         claim,          claim,
	};
	while (dice_has_more(&w->dice)) {
		w->now_ns += dice_roll(&w->dice, 32) * (FLOW_TICK_NS * 3 / 4);
		if (dice_once_in(&w->dice, 16))
			w->now_ns += (uint64_t)dice_roll(&w->dice, 65536) * FLOW_TICK_NS;
		DICE_PICK(&w->dice, calls)(w);
		read_all(w);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct flow_seed seed = {}; /* hashes are made up here */
	static const uint32_t timeouts_s[FLOW_STATES] = {0, 10, 3600, 30, 60};
	size_t size = flow_table_bytes(ENTRIES);
	struct world w = {.dice = {.bytes = bytes, .length = length}, .now_ns = 1};
	/* Of just its size: the sanitizer sees what is touched around it. */
	void *memory = aligned_alloc(sizeof(struct flow_bucket), size);
	struct flow_keys *keys = calloc(BUCKETS, sizeof(*keys));
	struct flow_translations *translations = calloc(BUCKETS, sizeof(*translations));
	FUZZ_EXPECT(memory && keys && translations && size == BUCKETS * sizeof(struct flow_bucket));
	memset(memory, 0, size);
	flow_table_init(&w.table, memory, ENTRIES, &seed, timeouts_s);
	w.table.keys = dice_roll(&w.dice, 2) ? keys : NULL;
	w.table.translations = dice_roll(&w.dice, 2) ? translations : NULL;
	fill(&w, memory);
	run(&w);
	free(translations);
	free(keys);
	free(memory);
	return 0;
}
