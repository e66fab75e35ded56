// SPDX-License-Identifier: BSD-2-Clause
/*
 * What people see of a flow table, against a list of what was put in; and a table whose writer was
 * killed at work.
 */
#include "lb/flow_table.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define SECOND   1000000000ull
#define START_NS (50000 * SECOND)
#define BUCKETS  512u /* buckets and keys of so many fill whole pages */

static const struct flow_seed seed = {{1, 2, 3, 4, 5, 6}};
static const uint32_t timeouts[FLOW_STATES] = {
	[FLOW_HANDSHAKE] = 10, [FLOW_ESTABLISHED] = 3600, [FLOW_CLOSING] = 30, [FLOW_UDP] = 60};

/* Zeroed memory that ends where nothing may be read. */
static void *guarded_open(size_t bytes)
{
	uint8_t *memory = mmap(NULL, bytes + 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(memory != MAP_FAILED && bytes % 4096 == 0);
	assert_int_equal(mprotect(memory + bytes, 4096, PROT_NONE), 0);
	return memory;
}

static int open_table(void **state)
{
	static struct flow_table t;
	flow_table_init(&t, guarded_open(BUCKETS * sizeof(*t.buckets)), 2 * BUCKETS, &seed,
			timeouts);
	t.keys = guarded_open(BUCKETS * sizeof(*t.keys));
	assert_int_equal(t.mask, BUCKETS - 1);
	*state = &t;
	return 0;
}

static int close_table(void **state)
{
	struct flow_table *t = *state;
	munmap(t->buckets, BUCKETS * sizeof(*t->buckets) + 4096);
	munmap(t->keys, BUCKETS * sizeof(*t->keys) + 4096);
	return 0;
}

static struct flow_key key_of(uint32_t number)
{
	return (struct flow_key){
		.source = {.word = {htonl(0x20010db8), 0, 0, htonl(number)}},
		.destination = {.word = {0, 0, htonl(0xffff), htonl(0xcb00710a)}},
		.source_port = htons(number % 60000),
		.destination_port = htons(443),
		.protocol = number % 2 ? 6 : 17,
	};
}

/* Flow `number` is in bucket number % BUCKETS. */
static uint64_t hash_of(uint32_t number)
{
	return (number + 1ull) << 32 | number % BUCKETS;
}

static void insert(struct flow_table *t, uint32_t number, uint32_t backend, enum flow_state state,
		   uint64_t now_ns)
{
	struct flow_key key = key_of(number);
	assert_int_equal(flow_table_insert(t, hash_of(number), backend, state, now_ns, &key),
			 FLOW_INSERTED);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void expect_flow(const struct flow_info *flow, uint32_t number, uint32_t backend,
			enum flow_state state, uint32_t idle_s)
{
	struct flow_key want = key_of(number);
	assert_memory_equal(&flow->key, &want, sizeof(want));
	assert_int_equal(flow->backend, backend);
	assert_int_equal(flow->state, state);
	/* Whole ticks of 0.27 s, rounded down to whole seconds. */
	assert_in_range(flow->idle_s, idle_s ? idle_s - 1 : 0, idle_s);
}

static void test_read_one_bucket(void **state)
{
	struct flow_table *t = *state;
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	uint64_t now_ns = START_NS + 20 * SECOND;
	assert_int_equal(flow_table_read(t, 7, now_ns, flows), 0);
	insert(t, 7, 1, FLOW_ESTABLISHED, START_NS);
	insert(t, 7 + BUCKETS, 2, FLOW_HANDSHAKE, START_NS); /* timed out by now */
	insert(t, 7 + 2 * BUCKETS, 3, FLOW_UDP, START_NS + 5 * SECOND);
	insert(t, 7 + 3 * BUCKETS, 65535, FLOW_CLOSING, START_NS + 9 * SECOND);
	insert(t, 7 + 4 * BUCKETS, 5, FLOW_HANDSHAKE, START_NS + 10 * SECOND);
	insert(t, 8, 6, FLOW_UDP, now_ns); /* the neighbour's */
	flow_table_remove(t, hash_of(7 + 2 * BUCKETS), 3);
	assert_int_equal(flow_table_read(t, 7, now_ns, flows), 3);
	expect_flow(&flows[0], 7, 1, FLOW_ESTABLISHED, 20);
	expect_flow(&flows[1], 7 + 3 * BUCKETS, 65535, FLOW_CLOSING, 11);
	expect_flow(&flows[2], 7 + 4 * BUCKETS, 5, FLOW_HANDSHAKE, 10);
	/* An entry's next flow brings its own key. */
	insert(t, 7 + 5 * BUCKETS, 9, FLOW_UDP, now_ns);
	assert_int_equal(flow_table_read(t, 7, now_ns, flows), 4);
	expect_flow(&flows[1], 7 + 5 * BUCKETS, 9, FLOW_UDP, 0);
}

/* All buckets together have what was put in, and each flow once. */
static void test_read_all(void **state)
{
	enum { COUNT = 2 * BUCKETS };
	static bool seen[COUNT];
	struct flow_table *t = *state;
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	uint32_t total = 0;
	for (uint32_t n = 0; n < COUNT; n++)
		insert(t, n, n % 100, FLOW_HANDSHAKE + n % 4, START_NS);
	for (uint32_t at = 0; at < BUCKETS; at++) {
		unsigned int count = flow_table_read(t, at, START_NS + 2 * SECOND, flows);
		for (unsigned int i = 0; i < count; i++, total++) {
			uint32_t n = ntohl(flows[i].key.source.word[3]);
			assert_in_range(n, 0, COUNT - 1);
			assert_false(seen[n]);
			seen[n] = true;
			expect_flow(&flows[i], n, n % 100, FLOW_HANDSHAKE + n % 4, 2);
		}
	}
	assert_int_equal(total, COUNT);
}

static void test_read_without_keys(void **state)
{
	static const struct flow_key none;
	struct flow_table t = *(struct flow_table *)*state;
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	t.keys = NULL;
	memset(flows, 0xff, sizeof(flows));
	insert(&t, 1, 4, FLOW_UDP, START_NS);
	assert_int_equal(flow_table_read(&t, 1, START_NS, flows), 1);
	assert_int_equal(flows[0].backend, 4);
	assert_memory_equal(&flows[0].key, &none, sizeof(none));
}

/* Random bytes, but for states, half of which are states. */
static void fill_with_garbage(struct flow_table *t, unsigned int *random)
{
	uint8_t *bytes = (uint8_t *)t->buckets;
	for (size_t i = 0; i < BUCKETS * sizeof(*t->buckets); i++)
		bytes[i] = rand_r(random) >> 8;
	for (uint32_t at = 0; at < BUCKETS; at++)
		for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++)
			if (rand_r(random) & 256)
				t->buckets[at].meta[i] &= 0xffff0007;
}

/* Whatever is in the memory, what comes out is a flow. */
static void test_read_garbage(void **state)
{
	struct flow_table *t = *state;
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	unsigned int random = 1, total = 0;
	for (int round = 0; round < 20; round++) {
		fill_with_garbage(t, &random);
		uint64_t now_ns = rand_r(&random) * SECOND;
		for (uint32_t at = 0; at < BUCKETS; at++) {
			unsigned int count = flow_table_read(t, at, now_ns, flows);
			assert_in_range(count, 0, FLOW_BUCKET_ENTRIES);
			for (unsigned int i = 0; i < count; i++, total++) {
				assert_in_range(flows[i].state, FLOW_FREE + 1, FLOW_STATES - 1);
				assert_in_range(flows[i].backend, 0, ABI_MAX_BACKENDS - 1);
				assert_in_range(flows[i].idle_s, 0, 3601);
			}
		}
	}
	assert_true(total > 0);
}

/* --- repair ----------------------------------------------------------------------------------- */

static void test_repair(void **state)
{
	struct flow_table *t = *state;
	struct flow_hit hit;
	for (uint32_t n = 0; n < 3 * BUCKETS; n++)
		insert(t, n, n % 100, FLOW_UDP, START_NS);
	/* Killed with a bucket held, in the first, a middle and the last one. */
	static const uint32_t held[] = {0, 100, BUCKETS - 1};
	for (int i = 0; i < 3; i++) {
		t->buckets[held[i]].sequence++;
		assert_int_equal(flow_table_insert(t, hash_of(held[i] + 3 * BUCKETS), 7, FLOW_UDP,
						   START_NS, NULL),
				 FLOW_FULL);
	}
	/* And in the midst of the stores for a flow: with the old one gone, the new one not there.
	 */
	t->buckets[100].tag[1] = 0;
	t->buckets[100].meta[1] = flow_meta(flow_tick(START_NS), FLOW_ESTABLISHED);
	uint32_t untouched = t->buckets[50].sequence;
	flow_table_repair(t);
	assert_int_equal(t->buckets[50].sequence, untouched);
	for (uint32_t at = 0; at < BUCKETS; at++)
		assert_int_equal(t->buckets[at].sequence % 2, 0);
	for (uint32_t n = 0; n < 3 * BUCKETS; n++)
		assert_int_equal(flow_table_find(t, hash_of(n), START_NS, &hit),
				 n != 100 + BUCKETS);
	for (int i = 0; i < 3; i++)
		insert(t, held[i] + 3 * BUCKETS, 7, FLOW_UDP, START_NS);
	/* Where nothing was held, nothing changes. */
	void *before = malloc(BUCKETS * sizeof(*t->buckets));
	memcpy(before, t->buckets, BUCKETS * sizeof(*t->buckets));
	flow_table_repair(t);
	assert_memory_equal(before, t->buckets, BUCKETS * sizeof(*t->buckets));
	free(before);
}

#define table_test(f) cmocka_unit_test_setup_teardown(f, open_table, close_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		table_test(test_read_one_bucket),
		table_test(test_read_all),
		table_test(test_read_without_keys),
		table_test(test_read_garbage),
		table_test(test_repair),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
