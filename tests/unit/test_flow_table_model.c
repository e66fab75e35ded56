// SPDX-License-Identifier: BSD-2-Clause
/* The flow table in random use over days, against a naive list of flows without 16-bit ticks. */
#include "lb/flow_table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#define SECOND        1000000000ull
#define START_NS      (50000 * SECOND)
#define MODEL_FLOWS   160
#define MODEL_BUCKETS 16

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

struct model_flow {
	uint64_t hash;
	int64_t tick; /* 64 bits: does not wrap */
	uint32_t backend;
	enum flow_state state; /* FLOW_FREE: not in the table */
};

struct model {
	struct flow_table table;
	struct model_flow flows[MODEL_FLOWS];
	uint64_t now_ns, random;
};

static int64_t model_age(const struct model *m, const struct model_flow *f)
{
	return (int64_t)(m->now_ns / FLOW_TICK_NS) - f->tick;
}

static bool model_live(const struct model *m, const struct model_flow *f)
{
	uint64_t timeout_ns = timeouts[f->state] * SECOND;
	int64_t ticks = timeout_ns / FLOW_TICK_NS + (timeout_ns % FLOW_TICK_NS != 0);
	return f->state != FLOW_FREE && model_age(m, f) <= ticks;
}

static bool same_bucket(const struct model_flow *a, const struct model_flow *b)
{
	return a->hash % MODEL_BUCKETS == b->hash % MODEL_BUCKETS;
}

static bool table_has(const struct model *m, const struct model_flow *f, struct flow_hit *hit)
{
	return flow_table_find(&m->table, f->hash, m->now_ns, hit);
}

static void model_check(const struct model *m, const struct model_flow *f)
{
	struct flow_hit hit;
	assert_int_equal(table_has(m, f, &hit), model_live(m, f));
	if (hit.tag) {
		assert_int_equal(hit.backend, f->backend);
		assert_int_equal(hit.state, f->state);
	}
}

/* Of the flow's bucket: the oldest live flow in a state, or NULL. */
static struct model_flow *oldest(struct model *m, const struct model_flow *of, enum flow_state s)
{
	struct model_flow *best = NULL;
	for (int i = 0; i < MODEL_FLOWS; i++) {
		struct model_flow *f = &m->flows[i];
		if (f->state == s && model_live(m, f) && same_bucket(f, of) &&
		    (!best || model_age(m, f) > model_age(m, best)))
			best = f;
	}
	return best;
}

/* One of the flows that are as old and in the same state has gone, and it alone. */
static void model_evict(struct model *m, const struct model_flow *like)
{
	struct model_flow copy = *like, *gone = NULL;
	struct flow_hit hit;
	for (int i = 0; i < MODEL_FLOWS; i++) {
		struct model_flow *f = &m->flows[i];
		if (f->state != copy.state || f->tick != copy.tick || !same_bucket(f, &copy) ||
		    table_has(m, f, &hit))
			continue;
		assert_null(gone);
		gone = f;
	}
	assert_non_null(gone);
	gone->state = FLOW_FREE;
}

static void model_insert(struct model *m, struct model_flow *f)
{
	uint32_t backend = random_word(&m->random) % ABI_MAX_BACKENDS;
	enum flow_state state = 1 + random_word(&m->random) % (FLOW_STATES - 1);
	enum flow_insert got =
		flow_table_insert(&m->table, f->hash, backend, state, m->now_ns, NULL);
	int others = 0;
	f->state = FLOW_FREE;
	for (int i = 0; i < MODEL_FLOWS; i++)
		others += model_live(m, &m->flows[i]) && same_bucket(&m->flows[i], f);
	if (others >= FLOW_BUCKET_ENTRIES) {
		const struct model_flow *victim = oldest(m, f, FLOW_CLOSING);
		if (!victim)
			victim = oldest(m, f, FLOW_HANDSHAKE);
		assert_int_equal(got, victim ? FLOW_EVICTED : FLOW_FULL);
		if (!victim)
			return;
		model_evict(m, victim);
	} else {
		assert_int_equal(got, FLOW_INSERTED);
	}
	f->backend = backend;
	f->state = state;
	f->tick = m->now_ns / FLOW_TICK_NS;
}

static void model_touch(struct model *m, struct model_flow *f)
{
	struct flow_hit hit;
	enum flow_state state = 1 + random_word(&m->random) % (FLOW_STATES - 1);
	if (!table_has(m, f, &hit))
		return;
	flow_table_touch(&hit, state, m->now_ns);
	f->state = state;
	f->tick = m->now_ns / FLOW_TICK_NS;
}

/* Sweeps by an odd number of buckets a turn; all backends but one in eight are kept. */
static void model_sweep(struct model *m)
{
	static uint64_t keep[ABI_MAX_BACKENDS / 64];
	struct flow_sweep got = {0}, want = {0};
	uint64_t position = 0;
	int turns = 1;
	for (size_t i = 0; i < ABI_MAX_BACKENDS / 64; i++)
		keep[i] = ~(random_word(&m->random) & random_word(&m->random) &
			    random_word(&m->random));
	while (!flow_table_sweep(&m->table, &position, 3, keep, m->now_ns, &got))
		turns++;
	assert_int_equal(position, 0);
	assert_int_equal(turns, (MODEL_BUCKETS + 2) / 3);
	for (int i = 0; i < MODEL_FLOWS; i++) {
		struct model_flow *f = &m->flows[i];
		if (model_live(m, f) && keep[f->backend / 64] >> f->backend % 64 & 1) {
			want.entries[f->state]++;
			continue;
		}
		want.orphaned += model_live(m, f);
		f->state = FLOW_FREE;
	}
	want.expired = got.expired; /* some were overwritten before: the model does not know */
	assert_memory_equal(&got, &want, sizeof(got));
}

static void test_model_agrees(void **state)
{
	static struct model m = {.now_ns = START_NS, .random = 1};
	static _Alignas(64) struct flow_bucket buckets[MODEL_BUCKETS];
	assert_int_equal(flow_table_bytes(30), sizeof(buckets));
	flow_table_init(&m.table, buckets, 30, &seed, timeouts);
	for (int i = 0; i < MODEL_FLOWS; i++)
		m.flows[i].hash = random_word(&m.random);
	for (int step = 0; step < 60000; step++) {
		struct model_flow *f = &m.flows[random_word(&m.random) % MODEL_FLOWS];
		switch (random_word(&m.random) % 16) {
		case 0 ... 5:
			model_insert(&m, f);
			break;
		case 6 ... 9:
			model_touch(&m, f);
			break;
		case 10:
			flow_table_remove(&m.table, f->hash, f->backend);
			f->state = FLOW_FREE;
			break;
		case 11:
			if (random_word(&m.random) % 32 == 0)
				m.now_ns += random_word(&m.random) % (2400 * SECOND);
			if (random_word(&m.random) % 32 == 0)
				model_sweep(&m);
			break;
		default:
			m.now_ns += random_word(&m.random) % SECOND;
		}
		model_check(&m, f);
	}
	for (int i = 0; i < MODEL_FLOWS; i++)
		model_check(&m, &m.flows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
