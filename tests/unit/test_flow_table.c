// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flow table row by row where it decides, and in memory full of garbage between two forbidden
 * pages. Beside it: _model (random use), _races (threads), _read (for people; repair).
 */
#include "lb/flow_table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND   1000000000ull
#define START_NS (50000 * SECOND)

static const struct flow_seed seed = {{1, 2, 3, 4, 5, 6}};
static const uint32_t timeouts[FLOW_STATES] = {
	[FLOW_HANDSHAKE] = 10, [FLOW_ESTABLISHED] = 3600, [FLOW_CLOSING] = 30, [FLOW_UDP] = 60};

static uint64_t random_word(uint64_t *random)
{
	uint64_t x = *random += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void table_open(struct flow_table *t, uint32_t entries)
{
	size_t bytes = flow_table_bytes(entries);
	void *memory = aligned_alloc(64, bytes);
	memset(memory, 0, bytes);
	flow_table_init(t, memory, entries, &seed, timeouts);
	assert_int_equal((t->mask + 1) * sizeof(struct flow_bucket), bytes);
}

static void table_close(struct flow_table *t)
{
	free(t->buckets);
}

/* A hash in bucket 0 of any table, and different for each number. */
static uint64_t hash_of(uint64_t number)
{
	return (number + 1) << 32;
}

static void insert(struct flow_table *t, uint64_t number, enum flow_state state, uint64_t now_ns,
		   enum flow_insert want)
{
	assert_int_equal(flow_table_insert(t, hash_of(number), number, state, now_ns, NULL), want);
}

static bool has(const struct flow_table *t, uint64_t number, uint64_t now_ns)
{
	struct flow_hit hit;
	if (!flow_table_find(t, hash_of(number), now_ns, &hit))
		return false;
	assert_int_equal(hit.backend, number);
	return true;
}

/* --- one thing at a time ---------------------------------------------------------------------- */

static void test_find_what_was_inserted(void **state)
{
	struct flow_table t;
	struct flow_hit hit;
	table_open(&t, 1000);
	assert_false(flow_table_find(&t, 0x123456789abcdef0, START_NS, &hit));
	assert_null(hit.tag);
	assert_int_equal(flow_table_insert(&t, 0x123456789abcdef0, ABI_MAX_BACKENDS - 1, FLOW_UDP,
					   START_NS, NULL),
			 FLOW_INSERTED);
	assert_true(flow_table_find(&t, 0x123456789abcdef0, START_NS, &hit));
	assert_true(hit.backend == ABI_MAX_BACKENDS - 1 && hit.state == FLOW_UDP);
	/* One bit of what is kept of the hash, at either end. */
	assert_false(flow_table_find(&t, 0x923456789abcdef0, START_NS, &hit));
	assert_false(flow_table_find(&t, 0x123456789abedef0, START_NS, &hit));
	flow_table_remove(&t, 0x123456789abcdef0, 1);
	assert_true(flow_table_find(&t, 0x123456789abcdef0, START_NS, &hit));
	flow_table_remove(&t, 0x123456789abcdef0, ABI_MAX_BACKENDS - 1);
	assert_false(flow_table_find(&t, 0x123456789abcdef0, START_NS, &hit));
	table_close(&t);
}

/* A tag of 0 is no flow, but a hash whose kept bits are all 0 is one. */
static void test_hash_of_zeros(void **state)
{
	struct flow_table t;
	struct flow_hit hit;
	table_open(&t, 1);
	assert_false(flow_table_find(&t, 0, START_NS, &hit));
	assert_int_equal(flow_table_insert(&t, 0, 0, FLOW_UDP, START_NS, NULL), FLOW_INSERTED);
	assert_true(flow_table_find(&t, 0, START_NS, &hit) && hit.backend == 0);
	for (int i = 0; i < 4; i++)
		insert(&t, 10 + i, FLOW_UDP, START_NS, FLOW_INSERTED);
	insert(&t, 20, FLOW_UDP, START_NS, FLOW_FULL);
	flow_table_remove(&t, 0, 0);
	assert_false(flow_table_find(&t, 0, START_NS, &hit));
	table_close(&t);
}

/* A second insert of a flow takes its own entry, whatever else is free. */
static void test_insert_twice(void **state)
{
	struct flow_table t;
	struct flow_hit hit;
	table_open(&t, 1);
	insert(&t, 1, FLOW_UDP, START_NS, FLOW_INSERTED);
	insert(&t, 2, FLOW_UDP, START_NS, FLOW_INSERTED);
	flow_table_remove(&t, hash_of(1), 1);
	assert_int_equal(flow_table_insert(&t, hash_of(2), 7, FLOW_CLOSING, START_NS, NULL),
			 FLOW_INSERTED);
	assert_true(flow_table_find(&t, hash_of(2), START_NS, &hit));
	assert_true(hit.backend == 7 && hit.state == FLOW_CLOSING);
	flow_table_remove(&t, hash_of(2), 7);
	assert_false(flow_table_find(&t, hash_of(2), START_NS, &hit));
	table_close(&t);
}

/* A flow lives as long as was asked for, and at most two ticks longer, at any phase of the tick. */
static void test_timeouts(void **state)
{
	struct flow_table t;
	table_open(&t, 1);
	for (enum flow_state s = FLOW_HANDSHAKE; s < FLOW_STATES; s++) {
		for (uint64_t phase = 0; phase < FLOW_TICK_NS; phase += FLOW_TICK_NS / 7) {
			uint64_t born = START_NS + phase, life = timeouts[s] * SECOND;
			insert(&t, s, s, born, FLOW_INSERTED);
			assert_true(has(&t, s, born + life));
			assert_false(has(&t, s, born + life + 2 * FLOW_TICK_NS));
		}
	}
	table_close(&t);
}

static void test_long_and_no_timeouts(void **state)
{
	const uint32_t extremes[FLOW_STATES] = {0, 0, UINT32_MAX, 4 * 3600, 1};
	struct flow_table t;
	table_open(&t, 1);
	flow_table_init(&t, t.buckets, 1, &seed, extremes);
	insert(&t, 1, FLOW_HANDSHAKE, START_NS, FLOW_INSERTED);
	insert(&t, 2, FLOW_ESTABLISHED, START_NS, FLOW_INSERTED);
	insert(&t, 3, FLOW_CLOSING, START_NS, FLOW_INSERTED);
	assert_true(has(&t, 1, START_NS));
	assert_false(has(&t, 1, START_NS + FLOW_TICK_NS));
	for (int flow = 2; flow <= 3; flow++) {
		assert_true(has(&t, flow, START_NS + 4 * 3600 * SECOND));
		/* From then on until shortly before the ticks wrap round. */
		for (uint64_t s = 4 * 3600 + 1; s < 4 * 3600 + 50 * 60; s += 10)
			assert_false(has(&t, flow, START_NS + s * SECOND));
	}
	table_close(&t);
}

/* A thread whose clock is behind finds what another has just inserted. */
static void test_clock_behind(void **state)
{
	struct flow_table t;
	table_open(&t, 1);
	insert(&t, 1, FLOW_HANDSHAKE, START_NS, FLOW_INSERTED);
	assert_true(has(&t, 1, START_NS - SECOND));
	assert_true(has(&t, 1, START_NS - 60 * SECOND));
	assert_false(has(&t, 1, START_NS - 80 * SECOND));
	table_close(&t);
}

static void test_touch(void **state)
{
	struct flow_table t;
	struct flow_hit hit;
	table_open(&t, 1);
	insert(&t, 1, FLOW_HANDSHAKE, START_NS, FLOW_INSERTED);
	assert_true(flow_table_find(&t, hash_of(1), START_NS, &hit));
	flow_table_touch(&hit, FLOW_ESTABLISHED, START_NS);
	assert_true(has(&t, 1, START_NS + 3600 * SECOND));
	assert_true(flow_table_find(&t, hash_of(1), START_NS + 3600 * SECOND, &hit));
	assert_int_equal(hit.state, FLOW_ESTABLISHED);
	flow_table_touch(&hit, FLOW_ESTABLISHED, START_NS + 3600 * SECOND);
	assert_true(has(&t, 1, START_NS + 7200 * SECOND));
	table_close(&t);
}

/* Between find and touch another thread changes the state: a mere "seen" must not undo it. */
static void test_touch_keeps_others_state(void **state)
{
	struct flow_table t;
	struct flow_hit first, second;
	uint64_t later = START_NS + SECOND;
	table_open(&t, 1);
	insert(&t, 1, FLOW_ESTABLISHED, START_NS, FLOW_INSERTED);
	assert_true(flow_table_find(&t, hash_of(1), START_NS, &first));
	assert_true(flow_table_find(&t, hash_of(1), START_NS, &second));
	flow_table_touch(&first, FLOW_CLOSING, START_NS);
	flow_table_touch(&second, FLOW_ESTABLISHED, later);
	assert_true(flow_table_find(&t, hash_of(1), later, &first));
	assert_int_equal(first.state, FLOW_CLOSING);
	assert_true(has(&t, 1, later + 30 * SECOND));
	/* And a change of state gets through, although `second` is out of date. */
	flow_table_touch(&second, FLOW_UDP, later);
	assert_true(flow_table_find(&t, hash_of(1), later, &first));
	assert_int_equal(first.state, FLOW_UDP);
	table_close(&t);
}

/* Between find and touch the flow loses its entry: neither the heir nor the dead is touched. */
static void test_touch_of_a_lost_entry(void **state)
{
	struct flow_table t;
	struct flow_hit stale, hit;
	uint64_t later = START_NS + 20 * SECOND;
	table_open(&t, 1);
	insert(&t, 1, FLOW_CLOSING, START_NS, FLOW_INSERTED);
	assert_true(flow_table_find(&t, hash_of(1), START_NS, &stale));
	for (int i = 2; i <= 5; i++)
		insert(&t, i, FLOW_UDP, START_NS, FLOW_INSERTED);
	insert(&t, 6, FLOW_HANDSHAKE, START_NS, FLOW_EVICTED);
	assert_true(flow_table_find(&t, hash_of(6), START_NS, &hit));
	assert_ptr_equal(hit.tag, stale.tag);
	flow_table_touch(&stale, FLOW_ESTABLISHED, later);
	assert_false(has(&t, 6, later));
	flow_table_remove(&t, hash_of(6), 6);
	flow_table_touch(&hit, FLOW_ESTABLISHED, later);
	assert_false(has(&t, 1, later));
	assert_false(has(&t, 6, later));
	table_close(&t);
}

/* --- which entry goes ------------------------------------------------------------------------- */

#define H FLOW_HANDSHAKE
#define E FLOW_ESTABLISHED
#define C FLOW_CLOSING
#define U FLOW_UDP

static void test_eviction(void **state)
{
	static const struct {
		const char *name;
		struct {
			enum flow_state state;
			int age_s;
		} old[5];
		int goes; /* which, -1: none */
		enum flow_insert want;
	} rows[] = {
		{"established stay", {{E, 0}, {E, 3599}, {E, 9}, {E, 1}, {E, 2}}, -1, FLOW_FULL},
		{"udp stay", {{U, 0}, {U, 59}, {U, 9}, {E, 1}, {U, 2}}, -1, FLOW_FULL},
		{"half-open goes", {{E, 0}, {U, 9}, {E, 9}, {H, 0}, {E, 2}}, 3, FLOW_EVICTED},
		{"oldest half-open", {{H, 1}, {H, 9}, {H, 5}, {H, 8}, {H, 2}}, 1, FLOW_EVICTED},
		{"closing first", {{H, 9}, {E, 90}, {C, 0}, {H, 8}, {U, 2}}, 2, FLOW_EVICTED},
		{"oldest closing", {{C, 9}, {C, 1}, {C, 29}, {H, 8}, {C, 28}}, 2, FLOW_EVICTED},
		{"timed-out udp", {{C, 9}, {H, 1}, {C, 29}, {H, 8}, {U, 61}}, 4, FLOW_INSERTED},
		{"timed-out half-open",
		 {{E, 9}, {H, 11}, {E, 2}, {E, 8}, {E, 6}},
		 1,
		 FLOW_INSERTED},
		{"timed-out established",
		 {{E, 3601}, {H, 1}, {C, 2}, {C, 8}, {U, 6}},
		 0,
		 FLOW_INSERTED},
	};
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		struct flow_table t;
		table_open(&t, 1);
		for (int age_s = 3601; age_s >= 0; age_s--)
			for (int i = 0; i < 5; i++)
				if (rows[row].old[i].age_s == age_s)
					insert(&t, i, rows[row].old[i].state,
					       START_NS - age_s * SECOND, FLOW_INSERTED);
		insert(&t, 100, FLOW_HANDSHAKE, START_NS, rows[row].want);
		for (int i = 0; i < 5; i++)
			if (has(&t, i, START_NS) != (i != rows[row].goes))
				fail_msg("%s: entry %d", rows[row].name, i);
		assert_int_equal(has(&t, 100, START_NS), rows[row].goes >= 0);
		table_close(&t);
	}
}

/* --- sweep ------------------------------------------------------------------------------------ */

static void test_sweep_counts_and_frees(void **state)
{
	static uint64_t keep[ABI_MAX_BACKENDS / 64];
	struct flow_table t;
	struct flow_sweep seen = {0};
	uint64_t position = 0, later = START_NS + 40 * SECOND;
	table_open(&t, 1);
	memset(keep, 0xff, sizeof(keep));
	keep[0] &= ~(1ull << 2 | 1ull << 3);
	insert(&t, 0, FLOW_HANDSHAKE, START_NS, FLOW_INSERTED);   /* expires */
	insert(&t, 1, FLOW_ESTABLISHED, START_NS, FLOW_INSERTED); /* stays */
	insert(&t, 2, FLOW_ESTABLISHED, START_NS, FLOW_INSERTED); /* loses its backend */
	insert(&t, 3, FLOW_CLOSING, START_NS, FLOW_INSERTED);     /* expires, and its backend too */
	insert(&t, 4, FLOW_UDP, START_NS, FLOW_INSERTED);         /* stays */
	assert_true(flow_table_sweep(&t, &position, 1, keep, later, &seen));
	assert_int_equal(seen.expired, 2);
	assert_int_equal(seen.orphaned, 1);
	assert_int_equal(seen.entries[FLOW_ESTABLISHED], 1);
	assert_int_equal(seen.entries[FLOW_UDP], 1);
	assert_int_equal(seen.entries[FLOW_HANDSHAKE] + seen.entries[FLOW_CLOSING], 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(t.buckets[0].tag[i] != 0, i == 1 || i == 4);
	memset(&seen, 0, sizeof(seen));
	assert_true(flow_table_sweep(&t, &position, 1, NULL, later, &seen));
	assert_int_equal(seen.entries[FLOW_ESTABLISHED] + seen.entries[FLOW_UDP], 2);
	assert_int_equal(seen.expired + seen.orphaned, 0);
	table_close(&t);
}

static void test_sweep_stops_at_the_end(void **state)
{
	struct flow_table t;
	struct flow_sweep seen = {0};
	uint64_t position = 0;
	table_open(&t, 30);
	assert_false(flow_table_sweep(&t, &position, 15, NULL, START_NS, &seen));
	assert_int_equal(position, 15);
	assert_true(flow_table_sweep(&t, &position, 15, NULL, START_NS, &seen));
	assert_int_equal(position, 0);
	assert_true(flow_table_sweep(&t, &position, UINT64_MAX, NULL, START_NS, &seen));
	assert_false(flow_table_sweep(&t, &position, 0, NULL, START_NS, &seen));
	table_close(&t);
}

/* A bucket whose holder sleeps, or died: it is read, not waited for, and not written. */
static void test_held_bucket(void **state)
{
	struct flow_table t;
	struct flow_sweep seen = {0};
	uint64_t position = 0;
	table_open(&t, 1);
	insert(&t, 1, FLOW_HANDSHAKE, START_NS, FLOW_INSERTED);
	assert_int_equal(t.buckets[0].sequence % 2, 0);
	t.buckets[0].sequence++;
	insert(&t, 2, FLOW_UDP, START_NS, FLOW_FULL);
	assert_true(has(&t, 1, START_NS));
	assert_true(flow_table_sweep(&t, &position, 1, NULL, START_NS + 20 * SECOND, &seen));
	assert_int_equal(seen.expired, 0);
	assert_true(has(&t, 1, START_NS));
	flow_table_remove(&t, hash_of(1), 1);
	assert_false(has(&t, 1, START_NS));
	table_close(&t);
}

/* --- size and memory -------------------------------------------------------------------------- */

static void test_bytes(void **state)
{
	assert_int_equal(flow_table_bytes(0), 64);
	assert_int_equal(flow_table_bytes(1), 64);
	for (uint64_t entries = 1; entries <= UINT32_MAX; entries = entries * 5 / 3 + 1) {
		size_t buckets = flow_table_bytes(entries) / sizeof(struct flow_bucket);
		assert_int_equal(buckets & (buckets - 1), 0);
		assert_true(entries <= 2 * buckets);
		assert_true(buckets == 1 || buckets < entries);
	}
}

/* Of as many as a table of 32768 buckets is given for: 1.1 % by Poisson's law. */
static void test_few_flows_find_no_room(void **state)
{
	const uint32_t entries = 65536;
	struct flow_table t;
	uint64_t random = 2;
	uint32_t full = 0;
	table_open(&t, entries);
	assert_int_equal(t.mask + 1, 32768);
	for (uint32_t i = 0; i < entries; i++)
		full += flow_table_insert(&t, random_word(&random), 1, FLOW_ESTABLISHED, START_NS,
					  NULL) == FLOW_FULL;
	assert_in_range(full, entries * 8 / 1000, entries * 15 / 1000);
	table_close(&t);
}

/* Zeroed memory between two pages that nobody may touch. */
static uint8_t *guarded_open(size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);
	assert_int_equal(bytes % page, 0);
	uint8_t *memory =
		mmap(NULL, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(memory != MAP_FAILED);
	assert_int_equal(mprotect(memory + page, bytes, PROT_READ | PROT_WRITE), 0);
	return memory + page;
}

static void guarded_close(uint8_t *memory, size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);
	munmap(memory - page, bytes + 2 * page);
}

/* A flow seen in this tick already costs no store: the memory is read-only here. */
static void test_touch_writes_only_changes(void **state)
{
	struct flow_table t;
	struct flow_hit hit;
	size_t bytes = flow_table_bytes(1000);
	uint8_t *memory = guarded_open(bytes);
	flow_table_init(&t, memory, 1000, &seed, timeouts);
	insert(&t, 1, FLOW_ESTABLISHED, START_NS, FLOW_INSERTED);
	assert_int_equal(mprotect(memory, bytes, PROT_READ), 0);
	assert_true(flow_table_find(&t, hash_of(1), START_NS, &hit));
	flow_table_touch(&hit, FLOW_ESTABLISHED, START_NS);
	guarded_close(memory, bytes);
}

/* Random bytes, with hashes half of which are in the table and states half of which are states. */
static void fill_with_garbage(struct flow_table *t, uint64_t *random)
{
	for (uint64_t b = 0; b <= t->mask; b++) {
		struct flow_bucket *bucket = &t->buckets[b];
		for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++) {
			bucket->tag[i] = random_word(random) >> random_word(random) % 64;
			bucket->meta[i] = random_word(random);
			if (random_word(random) % 2)
				bucket->meta[i] &= 0xffff0007;
		}
		bucket->sequence = random_word(random);
	}
}

static void use_garbage(struct flow_table *t, uint64_t *random)
{
	struct flow_bucket *b = &t->buckets[random_word(random) & t->mask];
	uint64_t tag = b->tag[random_word(random) % FLOW_BUCKET_ENTRIES];
	uint64_t hash = (tag & ~FLOW_TAG_BACKEND) | (uint64_t)(b - t->buckets);
	uint64_t now_ns = random_word(random);
	struct flow_hit hit;
	if (flow_table_find(t, hash, now_ns, &hit)) {
		assert_true((uint8_t *)hit.tag >= (uint8_t *)t->buckets);
		assert_true((uint8_t *)hit.tag < (uint8_t *)(t->buckets + t->mask + 1));
		assert_in_range(hit.backend, 0, ABI_MAX_BACKENDS - 1);
		assert_in_range(hit.state, FLOW_FREE + 1, FLOW_STATES - 1);
		flow_table_touch(&hit, FLOW_ESTABLISHED, now_ns);
	}
	if (flow_table_insert(t, hash, 5, FLOW_UDP, now_ns, NULL) != FLOW_FULL) {
		assert_true(flow_table_find(t, hash, now_ns, &hit));
		assert_int_equal(hit.backend, 5);
	}
	flow_table_remove(t, hash, random_word(random) % ABI_MAX_BACKENDS);
}

static void test_garbage(void **state)
{
	static const uint32_t entries = 100;
	size_t bytes = flow_table_bytes(entries);
	uint64_t *keep = calloc(ABI_MAX_BACKENDS / 64, sizeof(*keep));
	uint8_t *memory = guarded_open(bytes);
	struct flow_table t;
	uint64_t random = 3;
	flow_table_init(&t, memory, entries, &seed, timeouts);
	for (int round = 0; round < 200; round++) {
		struct flow_sweep seen = {0}, again = {0};
		uint64_t position = random_word(&random), now_ns = random_word(&random);
		fill_with_garbage(&t, &random);
		for (int i = 0; i < 100; i++)
			use_garbage(&t, &random);
		while (!flow_table_sweep(&t, &position, 7, round % 2 ? keep : NULL, now_ns, &seen))
			;
		flow_table_sweep(&t, &position, UINT64_MAX, NULL, now_ns, &seen);
		flow_table_sweep(&t, &position, UINT64_MAX, NULL, now_ns, &again);
		assert_true(seen.expired > 0);
		assert_int_equal(again.expired, 0);
	}
	guarded_close(memory, bytes);
	free(keep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_what_was_inserted),
		cmocka_unit_test(test_hash_of_zeros),
		cmocka_unit_test(test_insert_twice),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_long_and_no_timeouts),
		cmocka_unit_test(test_clock_behind),
		cmocka_unit_test(test_touch),
		cmocka_unit_test(test_touch_keeps_others_state),
		cmocka_unit_test(test_touch_of_a_lost_entry),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_sweep_counts_and_frees),
		cmocka_unit_test(test_sweep_stops_at_the_end),
		cmocka_unit_test(test_held_bucket),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_few_flows_find_no_room),
		cmocka_unit_test(test_touch_writes_only_changes),
		cmocka_unit_test(test_garbage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
