// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flow table when others work on it. Backend and state of an entry tell whose it is, so a tag
 * that was read with another entry's meta, or an entry that is half written, shows.
 *
 * Threads meet in few buckets by chance. What chance would rarely show is done by single steps: a
 * call is stopped before each of its instructions, and there a child process, which has a copy of
 * all memory, makes another call and then finishes the first.
 */
#include "lb/flow_table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS  4
#define STEPS    500000
#define BUCKETS  2
#define KEYS     24
#define VARIANTS 4

struct racer {
	struct flow_table *table;
	uint64_t random;
	int number;
	uint64_t finds, inserts, faults;
	pthread_t thread;
};

static uint64_t random_word(uint64_t *random)
{
	uint64_t x = *random += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t hash_of(unsigned int key)
{
	return (uint64_t)(key + 1) << 40 | key % BUCKETS;
}

static enum flow_state state_of(unsigned int key)
{
	return 1 + key / BUCKETS % (FLOW_STATES - 1);
}

static void find(struct racer *r, unsigned int key, uint64_t now_ns)
{
	struct flow_hit hit;
	if (!flow_table_find(r->table, hash_of(key), now_ns, &hit))
		return;
	r->finds++;
	r->faults += hit.backend / VARIANTS != key || hit.state != state_of(key);
	flow_table_touch(&hit, hit.state, now_ns);
}

/* Time runs fast, so that entries time out too: a tick every 64 steps. */
static void *race(void *context)
{
	struct racer *r = context;
	struct flow_sweep seen;
	uint64_t position = 0;
	for (uint64_t step = 0; step < STEPS; step++) {
		uint64_t now_ns = (1000000 + step / 64) * FLOW_TICK_NS;
		uint64_t x = random_word(&r->random);
		unsigned int key = x % KEYS, backend = key * VARIANTS + (x >> 32) % VARIANTS;
		switch ((x >> 40) % 8) {
		case 0 ... 1:
			r->inserts += flow_table_insert(r->table, hash_of(key), backend,
							state_of(key), now_ns, NULL) != FLOW_FULL;
			break;
		case 2:
			flow_table_remove(r->table, hash_of(key), backend);
			break;
		case 3:
			if (r->number == 0)
				flow_table_sweep(r->table, &position, 1, NULL, now_ns, &seen);
			break;
		default:
			find(r, key, now_ns);
		}
	}
	return NULL;
}

/* At rest a bucket is not held and no flow has two entries. */
static bool in_order(const struct flow_bucket *b)
{
	bool ok = b->sequence % 2 == 0;
	for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++)
		for (int j = 0; j < i; j++)
			ok &= b->tag[i] == 0 || b->tag[i] >> 16 != b->tag[j] >> 16;
	return ok;
}

static void test_threads_find_what_was_inserted(void **state)
{
	static const struct flow_seed seed;
	static const uint32_t timeouts[FLOW_STATES] = {0, 1, 2, 3, 4};
	static _Alignas(64) struct flow_bucket buckets[BUCKETS];
	struct racer racers[THREADS];
	struct flow_table t;
	assert_int_equal(flow_table_bytes(3), sizeof(buckets));
	flow_table_init(&t, buckets, 3, &seed, timeouts);
	for (int i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){.table = &t, .random = 1000 * i, .number = i};
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(racers[i].faults, 0);
		assert_true(racers[i].finds > 0 && racers[i].inserts > 0);
	}
	for (int i = 0; i < BUCKETS; i++)
		assert_true(in_order(&buckets[i]));
}

/* --- by single steps -------------------------------------------------------------------------- */

#define NOW_NS (1000000 * FLOW_TICK_NS)

/* A sanitizer's code has many times the instructions, and its processes are slow to copy. */
#ifdef __SANITIZE_ADDRESS__
#define STRIDE 13
#else
#define STRIDE 1
#endif

typedef void call_fn(struct flow_table *t);

/* What the handler needs to know, and what became of it. */
static struct {
	struct flow_table *table;
	call_fn *intrusion;
	volatile sig_atomic_t stepping;
	bool intruded; /* this is a child */
	long steps, failures;
} stepper;

#ifdef __x86_64__
#define TRAP_FLAG 0x100

/* A child makes the intrusion here and goes on with the call; the parent takes the next step. */
static void on_trap(int signal_number, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];
	int status;
	if (signal_number == SIGUSR1)
		*flags |= TRAP_FLAG;
	if (signal_number == SIGUSR1 || !stepper.stepping)
		return;
	if (stepper.steps++ % STRIDE != 0)
		return;
	pid_t child = fork();
	if (child == 0) {
		stepper.intruded = true;
		stepper.intrusion(stepper.table);
		*flags &= ~(greg_t)TRAP_FLAG;
		return;
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		stepper.failures++;
}

static void stop_stepping(int signal_number, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static void run_stepped(call_fn *victim)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO}, old[2];
	sigaction(SIGUSR1, &action, &old[0]);
	sigaction(SIGTRAP, &action, &old[1]);
	raise(SIGUSR1);
	stepper.stepping = 1;
	victim(stepper.table);
	stepper.stepping = 0;
	if (stepper.intruded)
		return;
	action.sa_sigaction = stop_stepping;
	sigaction(SIGTRAP, &action, NULL);
	sigaction(SIGTRAP, &old[1], NULL);
	sigaction(SIGUSR1, &old[0], NULL);
}
#else
static void run_stepped(call_fn *victim)
{
	skip(); /* other processors have no trap flag */
}
#endif

/* One bucket: key 0 is closing and the first to go, keys 1 to 4 are UDP; 5 comes in its place. */
static void bucket_open(struct flow_table *t)
{
	static const struct flow_seed seed;
	static const uint32_t timeouts[FLOW_STATES] = {0, 60, 60, 60, 60};
	static _Alignas(64) struct flow_bucket bucket;
	memset(&bucket, 0, sizeof(bucket));
	flow_table_init(t, &bucket, 1, &seed, timeouts);
	flow_table_insert(t, hash_of(0), 0, FLOW_CLOSING, NOW_NS, NULL);
	for (unsigned int key = 1; key < 5; key++)
		flow_table_insert(t, hash_of(key), key, FLOW_UDP, NOW_NS, NULL);
}

static bool overwritten;

static void insert_heir(struct flow_table *t)
{
	flow_table_insert(t, hash_of(5), 5, FLOW_HANDSHAKE, NOW_NS + FLOW_TICK_NS, NULL);
}

static void overwrite(struct flow_table *t)
{
	overwritten = flow_table_insert(t, hash_of(0), 100, FLOW_UDP, NOW_NS, NULL) != FLOW_FULL;
}

static void remove_first(struct flow_table *t)
{
	flow_table_remove(t, hash_of(0), 0);
}

static void refresh(struct flow_table *t)
{
	struct flow_hit hit;
	if (flow_table_find(t, hash_of(0), NOW_NS, &hit))
		flow_table_touch(&hit, hit.state, NOW_NS + 9 * FLOW_TICK_NS);
}

static void establish(struct flow_table *t)
{
	struct flow_hit hit;
	if (flow_table_find(t, hash_of(0), NOW_NS, &hit))
		flow_table_touch(&hit, FLOW_ESTABLISHED, NOW_NS + 9 * FLOW_TICK_NS);
}

/* Backend 0 is gone. */
static void sweep_first(struct flow_table *t)
{
	static uint64_t keep[ABI_MAX_BACKENDS / 64];
	struct flow_sweep seen = {0};
	uint64_t position = 0;
	memset(keep, 0xff, sizeof(keep));
	keep[0] &= ~1ull;
	flow_table_sweep(t, &position, 1, keep, NOW_NS, &seen);
}

static int faults;

static void find_first(struct flow_table *t)
{
	struct flow_hit hit;
	if (flow_table_find(t, hash_of(0), NOW_NS, &hit))
		faults += hit.backend != (hit.state == FLOW_UDP ? 100 : 0);
}

/* Who is found is found whole, and who has no part in it is always found. */
static void find_all(struct flow_table *t)
{
	struct flow_hit hit;
	find_first(t);
	if (flow_table_find(t, hash_of(5), NOW_NS, &hit))
		faults += hit.backend != 5 || hit.state != FLOW_HANDSHAKE ||
			  hit.meta_seen >> 16 != (uint16_t)(NOW_NS / FLOW_TICK_NS + 1);
	for (unsigned int key = 1; key < 5; key++)
		faults += !flow_table_find(t, hash_of(key), NOW_NS, &hit) || hit.backend != key ||
			  hit.state != FLOW_UDP;
}

static void expect_established(struct flow_table *t)
{
	struct flow_hit hit;
	faults += !flow_table_find(t, hash_of(0), NOW_NS, &hit) || hit.state != FLOW_ESTABLISHED;
}

static void expect_overwritten(struct flow_table *t)
{
	struct flow_hit hit;
	find_all(t);
	faults += flow_table_find(t, hash_of(0), NOW_NS, &hit) != overwritten;
}

/* Makes the intrusion before each instruction of a call; `check` sees the table after each. */
static void intrude_everywhere(call_fn *victim, call_fn *intrusion, call_fn *check)
{
	struct flow_table t;
	bucket_open(&t);
	faults = 0;
	memset(&stepper, 0, sizeof(stepper));
	stepper.table = &t;
	stepper.intrusion = intrusion;
	run_stepped(victim);
	if (stepper.intruded) {
		check(&t);
		_exit(faults || !in_order(t.buckets));
	}
	assert_true(stepper.steps > 20);
	assert_int_equal(stepper.failures, 0);
}

static void test_find_during_insert(void **state)
{
	intrude_everywhere(insert_heir, find_all, find_all);
	intrude_everywhere(overwrite, find_all, find_all);
}

static void test_insert_during_find(void **state)
{
	intrude_everywhere(find_first, insert_heir, find_all);
	intrude_everywhere(find_first, overwrite, find_all);
}

static void test_insert_and_remove_during_insert(void **state)
{
	intrude_everywhere(insert_heir, insert_heir, find_all);
	intrude_everywhere(insert_heir, overwrite, find_all);
	intrude_everywhere(insert_heir, remove_first, find_all);
	intrude_everywhere(overwrite, remove_first, find_all);
}

/* The heir is not touched in its predecessor's name. */
static void test_insert_during_touch(void **state)
{
	intrude_everywhere(refresh, insert_heir, find_all);
	intrude_everywhere(establish, insert_heir, find_all);
}

static void test_touch_during_touch(void **state)
{
	intrude_everywhere(refresh, establish, expect_established);
	intrude_everywhere(establish, refresh, expect_established);
}

/* A flow that got a live backend in time is not swept away with its dead one. */
static void test_insert_during_sweep(void **state)
{
	intrude_everywhere(sweep_first, overwrite, expect_overwritten);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_find_what_was_inserted),
		cmocka_unit_test(test_find_during_insert),
		cmocka_unit_test(test_insert_during_find),
		cmocka_unit_test(test_insert_and_remove_during_insert),
		cmocka_unit_test(test_insert_during_touch),
		cmocka_unit_test(test_touch_during_touch),
		cmocka_unit_test(test_insert_during_sweep),
	};
#ifdef __SANITIZE_THREAD__ /* signals come when it finds them fit, not at each step */
	const size_t count = 1;
#else
	const size_t count = sizeof(tests) / sizeof(tests[0]);
#endif
	return _cmocka_run_group_tests("races", tests, count, NULL, NULL);
}
