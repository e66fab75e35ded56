// SPDX-License-Identifier: BSD-2-Clause
/* SNAT ports: counted out by hand, by threads, and in random use against a naive list. */
#include "lb/snat.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND   1000000000ull
#define START_NS (50000 * SECOND)
#define CLOSING  30u
#define GRACE    3u /* seconds, rounded up, by which a port outlives its connection */

static const struct flow_seed seed = {{1, 2, 3, 4, 5, 6}};
static const uint32_t timeouts[FLOW_STATES] = {[FLOW_HANDSHAKE] = 10,
					       [FLOW_ESTABLISHED] = 3600,
					       [FLOW_CLOSING] = CLOSING,
					       [FLOW_UDP] = 60};
static const struct addr addresses[2] = {{{0, 0, 0xffff0000, 0x0100000a}},
					 {{0, 0, 0xffff0000, 0x0200000a}}};

static uint64_t random_word(uint64_t *random)
{
	uint64_t x = *random += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

struct ports {
	struct flow_table table;
	struct snat_pool pool;
	struct snat_taken *taken;
	uint64_t random;
};

static void ports_open(struct ports *p, uint32_t entries, uint32_t count, uint16_t first,
		       uint16_t last)
{
	size_t bytes = flow_table_bytes(entries);
	void *memory = aligned_alloc(64, bytes);
	memset(memory, 0, bytes);
	flow_table_init(&p->table, memory, entries, &seed, timeouts);
	p->table.translations =
		calloc(flow_table_buckets(entries), sizeof(struct flow_translations));
	p->pool = (struct snat_pool){addresses, count, first, last};
	p->taken = snat_taken_new(&p->pool);
	p->random = 7;
	assert_non_null(p->taken);
	assert_non_null(p->table.translations);
}

static void ports_close(struct ports *p)
{
	snat_taken_free(p->taken);
	free(p->table.translations);
	free(p->table.buckets);
}

/* A connection to a backend's port. */
static enum snat_claim claim(struct ports *p, uint16_t to, uint64_t now_ns, struct snat_wanted *w,
			     uint64_t *answers)
{
	*w = (struct snat_wanted){
		.key = {.source = {{0, 0, 0xffff0000, 0x0b00000a}},
			.source_port = htons(to),
			.protocol = IPPROTO_TCP},
		.backend = 1,
		.state = FLOW_HANDSHAKE,
	};
	return snat_claim(&p->pool, p->taken, &p->table, random_word(&p->random), now_ns, w,
			  answers);
}

static bool claims(struct ports *p, uint16_t to, uint64_t now_ns)
{
	struct snat_wanted w;
	uint64_t answers;
	return claim(p, to, now_ns, &w, &answers) == SNAT_CLAIMED;
}

/* --- counted out ----------------------------------------------------------------------------- */

/* Each port once, none more, all again when they are free; and other backends' ports are theirs. */
static void test_all_and_no_more(void **state)
{
	struct ports p;
	uint64_t now_ns = START_NS;
	bool seen[100] = {false};
	ports_open(&p, 65536, 1, 5000, 5099);
	for (int i = 0; i < 100; i++) {
		struct snat_wanted w;
		uint64_t answers;
		assert_int_equal(claim(&p, 80, now_ns, &w, &answers), SNAT_CLAIMED);
		uint16_t port = ntohs(w.key.destination_port);
		assert_in_range(port, 5000, 5099);
		assert_false(seen[port - 5000]);
		assert_memory_equal(&w.key.destination, &addresses[0], sizeof(struct addr));
		seen[port - 5000] = true;
	}
	for (int i = 0; i < 300; i++)
		assert_false(claims(&p, 80, now_ns += SECOND / 100));
	now_ns += SECOND;
	for (int i = 0; i < 100; i++)
		assert_true(claims(&p, 81, now_ns));
	now_ns = START_NS + (timeouts[FLOW_HANDSHAKE] + GRACE) * SECOND;
	for (int i = 0; i < 100; i++)
		assert_true(claims(&p, 80, now_ns));
	assert_false(claims(&p, 80, now_ns));
	ports_close(&p);
}

static void test_all_ports_of_an_address(void **state)
{
	struct ports p;
	uint32_t claimed = 0;
	ports_open(&p, 262144, 1, 1024, 65535);
	/* A claim looks at so many ports at most: the last ones may take more than one. */
	for (int i = 0; i < 70000; i++)
		claimed += claims(&p, 80, START_NS);
	assert_int_equal(claimed, 64512);
	ports_close(&p);
}

/* No port of a closing connection, and none of the bucket's other flows, however many come. */
static void test_closing_ports_stay(void **state)
{
	struct ports p;
	struct flow_hit hit;
	struct snat_wanted w;
	uint64_t answers;
	ports_open(&p, 1, 1, 7000, 7000);
	assert_int_equal(claim(&p, 80, START_NS, &w, &answers), SNAT_CLAIMED);
	assert_true(flow_table_find(&p.table, answers, START_NS, &hit));
	assert_true(flow_hit_is_translated(&hit) && flow_hit_answers(&hit));
	flow_table_touch(&hit, FLOW_CLOSING, START_NS);
	for (uint64_t i = 1; i < 20; i++)
		flow_table_insert(&p.table, i << 40, 1, FLOW_HANDSHAKE, START_NS, NULL);
	assert_true(flow_table_find(&p.table, answers, START_NS, &hit));
	assert_int_equal(hit.state, FLOW_CLOSING);
	assert_true(flow_hit_answers(&hit));
	assert_false(claims(&p, 80, START_NS + CLOSING * SECOND));
	assert_true(claims(&p, 80, START_NS + (CLOSING + GRACE) * SECOND));
	ports_close(&p);
}

/* A table whose buckets are full of flows that live has no room, whatever ports are free. */
static void test_no_room(void **state)
{
	struct ports p;
	struct snat_wanted w;
	uint64_t answers;
	ports_open(&p, 1, 1, 7000, 7999);
	for (uint64_t i = 1; i <= FLOW_BUCKET_ENTRIES; i++)
		assert_int_equal(flow_table_insert(&p.table, i << 40, 1, FLOW_UDP, START_NS, NULL),
				 FLOW_INSERTED);
	assert_int_equal(claim(&p, 80, START_NS, &w, &answers), SNAT_NO_ROOM);
	ports_close(&p);
}

static void test_no_addresses(void **state)
{
	struct ports p;
	ports_open(&p, 1, 0, 7000, 7999);
	assert_false(claims(&p, 80, START_NS));
	ports_close(&p);
}

/* --- threads --------------------------------------------------------------------------------- */

#define THREADS 4
#define SHARED  4000u

struct claimer {
	struct ports ports; /* memory of all, randomness of its own */
	uint32_t claimed;
	pthread_t thread;
};

static uint32_t given[SHARED];

static void *claim_many(void *argument)
{
	struct claimer *c = argument;
	for (uint32_t i = 0; i < SHARED; i++) {
		struct snat_wanted w;
		uint64_t answers;
		if (claim(&c->ports, 80, START_NS, &w, &answers) != SNAT_CLAIMED)
			continue;
		__atomic_fetch_add(&given[ntohs(w.key.destination_port) - 1024], 1,
				   __ATOMIC_RELAXED);
		c->claimed++;
	}
	return NULL;
}

static void test_threads_share(void **state)
{
	struct claimer claimers[THREADS];
	struct ports p;
	uint32_t claimed = 0;
	ports_open(&p, 65536, 1, 1024, 1024 + SHARED - 1);
	for (int i = 0; i < THREADS; i++) {
		claimers[i] = (struct claimer){.ports = p};
		claimers[i].ports.random = i;
		pthread_create(&claimers[i].thread, NULL, claim_many, &claimers[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(claimers[i].thread, NULL);
		claimed += claimers[i].claimed;
	}
	for (uint32_t i = 0; i < SHARED; i++)
		assert_true(given[i] <= 1);
	assert_int_equal(claimed, SHARED);
	ports_close(&p);
}

/* --- a naive list ---------------------------------------------------------------------------- */

#define MODEL_PORTS 40u /* of each of two addresses */
#define MODEL_TO    3u  /* ports of the backend */

/* A connection by its place: (backend's port, address, port). */
struct model {
	struct ports ports;
	struct {
		uint64_t hash, seen_ns;
		enum flow_state state; /* FLOW_FREE: none */
	} used[MODEL_TO][2][MODEL_PORTS];
	uint64_t now_ns;
	uint32_t claimed, refused;
};

/* Surely taken; in between (the table counts in ticks) both are right. */
static bool must_be_taken(const struct model *m, uint32_t to, uint32_t a, uint32_t port)
{
	return m->used[to][a][port].state != FLOW_FREE &&
	       m->now_ns - m->used[to][a][port].seen_ns <=
		       timeouts[m->used[to][a][port].state] * SECOND;
}

static bool must_be_free(const struct model *m, uint32_t to, uint32_t a, uint32_t port)
{
	return m->used[to][a][port].state == FLOW_FREE ||
	       m->now_ns - m->used[to][a][port].seen_ns >
		       (timeouts[m->used[to][a][port].state] + GRACE) * SECOND;
}

static bool any_must_be_free(const struct model *m, uint32_t to)
{
	for (uint32_t a = 0; a < 2; a++)
		for (uint32_t port = 0; port < MODEL_PORTS; port++)
			if (must_be_free(m, to, a, port))
				return true;
	return false;
}

static enum snat_claim model_claim(struct model *m, uint32_t to)
{
	struct snat_wanted w;
	uint64_t answers;
	enum snat_claim result = claim(&m->ports, 80 + to, m->now_ns, &w, &answers);
	if (result != SNAT_CLAIMED)
		return result;
	uint32_t a = memcmp(&w.key.destination, &addresses[0], sizeof(struct addr)) != 0;
	uint32_t port = ntohs(w.key.destination_port) - 5000u;
	assert_true(port < MODEL_PORTS);
	assert_false(must_be_taken(m, to, a, port));
	m->used[to][a][port].hash = answers;
	m->used[to][a][port].seen_ns = m->now_ns;
	m->used[to][a][port].state = FLOW_HANDSHAKE;
	m->claimed++;
	return result;
}

/* What is refused is free nowhere: not after what was found taken is forgotten either. */
static void model_open_connection(struct model *m)
{
	uint32_t to = random_word(&m->ports.random) % MODEL_TO;
	if (model_claim(m, to) == SNAT_CLAIMED)
		return;
	m->refused++;
	m->now_ns += SNAT_FORGET_NS + 1;
	bool any = any_must_be_free(m, to);
	bool claimed = model_claim(m, to) == SNAT_CLAIMED || model_claim(m, to) == SNAT_CLAIMED;
	assert_true(claimed || !any);
}

static void model_change_one(struct model *m, enum flow_state to_state)
{
	uint32_t to = random_word(&m->ports.random) % MODEL_TO;
	uint32_t a = random_word(&m->ports.random) % 2;
	uint32_t port = random_word(&m->ports.random) % MODEL_PORTS;
	struct flow_hit hit;
	if (!must_be_taken(m, to, a, port))
		return;
	assert_true(flow_table_find(&m->ports.table, m->used[to][a][port].hash, m->now_ns, &hit));
	if (to_state == FLOW_FREE)
		flow_table_remove(&m->ports.table, m->used[to][a][port].hash, hit.backend);
	else
		flow_table_touch(&hit, to_state, m->now_ns);
	m->used[to][a][port].state = to_state;
	m->used[to][a][port].seen_ns = m->now_ns;
}

static void test_random_use(void **state)
{
	static struct model m;
	ports_open(&m.ports, 65536, 2, 5000, 5000 + MODEL_PORTS - 1);
	m.now_ns = START_NS;
	for (int i = 0; i < 200000; i++) {
		uint64_t dice = random_word(&m.ports.random) % 100;
		if (dice < 60)
			model_open_connection(&m);
		else if (dice < 70)
			model_change_one(&m, FLOW_ESTABLISHED);
		else if (dice < 85)
			model_change_one(&m, FLOW_CLOSING);
		else if (dice < 95)
			model_change_one(&m, FLOW_FREE);
		else
			m.now_ns += random_word(&m.ports.random) % (2 * SECOND);
	}
	assert_true(m.claimed > 1000 && m.refused > 1000);
	ports_close(&m.ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_and_no_more),
		cmocka_unit_test(test_all_ports_of_an_address),
		cmocka_unit_test(test_closing_ports_stay),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_no_addresses),
		cmocka_unit_test(test_threads_share),
		cmocka_unit_test(test_random_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
