// SPDX-License-Identifier: BSD-2-Clause
/*
 * Maglev tables against published ones and against a naive second implementation. long file: the
 * published vectors.
 *
 * Published: table 1 of the paper; Envoy's tests (test/extensions/load_balancing_policies/maglev/
 * maglev_lb_test.cc), by names through our own hashes; Cilium's (pkg/maglev/maglev_test.go), by
 * offsets and skips, which are made here with Cilium's own hash, MurmurHash3.
 */
#include "lb/maglev.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MEMBERS_MAX 1024
#define NONE        UINT32_MAX

/* Members "PREFIX0", "PREFIX1", ... with ids 0, 1, ... */
struct group {
	char names[MEMBERS_MAX][48];
	struct maglev_member members[MEMBERS_MAX];
	unsigned int count;
};

static void group_init(struct group *g, const char *prefix, unsigned int first, unsigned int count)
{
	g->count = count;
	for (unsigned int i = 0; i < count; i++) {
		snprintf(g->names[i], sizeof(g->names[i]), "%s%u", prefix, first + i);
		g->members[i] = (struct maglev_member){.name = g->names[i], .weight = 1, .id = i};
	}
}

static void group_weigh(struct group *g, const uint32_t *weights)
{
	for (unsigned int i = 0; i < g->count; i++)
		g->members[i].weight = weights[i];
}

static struct maglev *group_build(const struct group *g, uint32_t size)
{
	struct maglev *m = maglev_new(g->members, g->count, size);
	assert_non_null(m);
	assert_int_equal(m->size, size);
	return m;
}

static void expect_slots(struct maglev *m, const uint32_t *want)
{
	assert_non_null(m);
	for (uint32_t i = 0; i < m->size; i++)
		assert_int_equal(m->slots[i], want[i]);
	maglev_free(m);
}

static void expect_same(struct maglev *m, const struct maglev *want)
{
	assert_non_null(m);
	assert_int_equal(m->size, want->size);
	assert_memory_equal(m->slots, want->slots, m->size * sizeof(m->slots[0]));
	maglev_free(m);
}

static uint64_t random_word(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* --- published vectors ------------------------------------------------------------------------ */

static void test_paper(void **state)
{
	static const struct maglev_member members[] = {{"B0", 1, 0}, {"B1", 1, 1}, {"B2", 1, 2}};
	static const struct maglev_step steps[] = {{3, 4}, {0, 2}, {3, 1}};
	/* Table 1 numbers them B0 to B2; the right-hand table is without B1. */
	expect_slots(maglev_new_from_steps(members, steps, 3, 7),
		     (uint32_t[]){1, 0, 1, 0, 2, 2, 0});
	struct maglev_member without[] = {members[0], {"B1", 0, 1}, members[2]};
	expect_slots(maglev_new_from_steps(without, steps, 3, 7),
		     (uint32_t[]){0, 0, 0, 0, 2, 2, 2});
}

static void test_envoy_basic(void **state)
{
	struct group g;
	group_init(&g, "127.0.0.1:", 90, 6);
	expect_slots(group_build(&g, 7), (uint32_t[]){2, 4, 0, 1, 5, 0, 3});
	group_init(&g, "", 90, 6);
	expect_slots(group_build(&g, 7), (uint32_t[]){2, 5, 0, 3, 4, 1, 0});
}

static void test_envoy_weighted(void **state)
{
	struct group g;
	group_init(&g, "127.0.0.1:", 90, 2);
	expect_slots(group_build(&g, 17),
		     (uint32_t[]){1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1});
	group_weigh(&g, (uint32_t[]){1, 2});
	expect_slots(group_build(&g, 17),
		     (uint32_t[]){1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1});
	/* LocalityWeightedDifferentLocalityWeights: one host each in localities of 8, 2 and 0. */
	group_init(&g, "127.0.0.1:", 90, 3);
	group_weigh(&g, (uint32_t[]){8, 2, 0});
	expect_slots(group_build(&g, 17),
		     (uint32_t[]){1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0});
}

/* LocalityWeightedLopsided: one host of weight 127, and 1023 that share a weight of 1. */
static void test_envoy_lopsided(void **state)
{
	static struct group g;
	uint32_t counts[1024] = {0};
	group_init(&g, "127.0.0.1:", 0, 1024);
	g.members[0].weight = 127 * 1023;
	struct maglev *m = group_build(&g, MAGLEV_PRIME);
	for (uint32_t i = 0; i < m->size; i++)
		counts[m->slots[i]]++;
	assert_int_equal(counts[0], MAGLEV_PRIME - 1023);
	for (int i = 1; i < 1024; i++)
		assert_int_equal(counts[i], 1);
	maglev_free(m);
}

static uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static uint64_t murmur_mix(uint64_t x)
{
	x = (x ^ x >> 33) * 0xff51afd7ed558ccd;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

/* MurmurHash3_x64_128 (Appleby, public domain). */
static void murmur3(const char *text, uint32_t seed, uint64_t out[2])
{
	const uint64_t c1 = 0x87c37b91114253d5, c2 = 0x4cf5ad432745937f;
	size_t length = strlen(text), at = 0;
	uint64_t h1 = seed, h2 = seed, k[2];
	while (at < length) {
		size_t part = length - at < 16 ? length - at : 16;
		memset(k, 0, sizeof(k));
		memcpy(k, text + at, part);
		at += part;
		h1 ^= rotl(k[0] * c1, 31) * c2;
		if (part == 16)
			h1 = (rotl(h1, 27) + h2) * 5 + 0x52dce729;
		h2 ^= rotl(k[1] * c2, 33) * c1;
		if (part == 16)
			h2 = (rotl(h2, 31) + h1) * 5 + 0x38495ab5;
	}
	h1 = (h1 ^ length) + (h2 ^ length);
	h2 = murmur_mix((h2 ^ length) + h1);
	out[0] = murmur_mix(h1) + h2;
	out[1] = h2 + out[0];
}

/* As Cilium's mkAddr(n): address 0.0.0.n, port n. */
static struct maglev_step cilium_step(int n, uint32_t size)
{
	char text[64];
	uint64_t h[2];
	snprintf(text, sizeof(text), "[0.0.0.%d:%d/TCP,State:active]", n, n);
	murmur3(text, 0x24b7ef82, h);
	return (struct maglev_step){.offset = h[0] % size, .skip = h[1] % (size - 1) + 1};
}

/*
 * Cilium's way to fill a table. Its weights differ from Envoy's: turns are counted by slots, not
 * by rounds, and a member's count goes on by the sum of the weights, not by the greatest.
 */
static void cilium_fill(const struct maglev_step *steps, const uint32_t *weights, unsigned int n,
			uint32_t size, uint32_t *slots)
{
	uint64_t sum = 0;
	double counters[8];
	uint32_t next[8] = {0};
	for (unsigned int i = 0; i < n; i++) {
		counters[i] = (double)weights[i] / n;
		sum += weights[i];
	}
	memset(slots, 0xff, size * sizeof(*slots));
	for (uint64_t turn = 0; turn < size; turn++) {
		unsigned int i = turn % n;
		if (sum / n > 1) {
			while ((turn + 1) * weights[i] < (uint64_t)counters[i])
				i = (i + 1) % n;
			counters[i] += sum;
		}
		uint64_t slot;
		do
			slot = (steps[i].offset + (uint64_t)steps[i].skip * next[i]++) % size;
		while (slots[slot] != NONE);
		slots[slot] = i;
	}
}

static char *run_lengths(const uint32_t *slots, uint32_t size, char *text)
{
	char *end = text;
	for (uint32_t i = 0, run; i < size; i += run) {
		for (run = 1; i + run < size && slots[i + run] == slots[i]; run++)
			;
		end += sprintf(end, "%s%u(%u)", i ? "," : "", slots[i], run);
	}
	return text;
}

/* TestReproducible: this makes sure of the hash and of cilium_fill(), which is used below. */
static void test_cilium_table_comes_out(void **state)
{
	static const char want[] =
		"2(5),3(1),2(3),1(1),2(2),0(1),2(1),3(1),2(1),3(1),2(1),1(1),2(7),1(1),2(14),"
		"3(1),2(1),1(2),2(12),3(1),2(3),1(1),2(4),3(1),2(8),3(1),2(2),1(1),2(16),1(2),"
		"2(3),3(1),2(11),1(2),2(4),3(1),2(3),1(1),2(4),3(1),2(1),0(1),1(1),2(8),1(1),"
		"2(7),1(1),2(4),3(1),2(1),3(1),2(9),1(2),2(5),1(1),2(7),3(1),2(1),3(1),1(1),"
		"2(8),1(1),2(4),0(1),2(1),1(1),2(5),3(1),2(3),1(1),2(4),3(1),2(3),1(1),2(12),"
		"0(1),3(1),2(3),3(1),2(4),3(1),2(2),1(1),2(7)";
	const struct maglev_step steps[] = {cilium_step(1, 251), cilium_step(3, 251),
					    cilium_step(4, 251), cilium_step(5, 251)};
	uint32_t slots[251];
	char text[4096];
	cilium_fill(steps, (uint32_t[]){2, 13, 111, 10}, 4, 251, slots);
	assert_string_equal(run_lengths(slots, 251, text), want);
}

/* With equal weights there is one way to fill a table: ours and Cilium's are the same, in the order
 * given and not in that of the names. */
static void test_cilium_equal_weights(void **state)
{
	static const struct maglev_member members[] = {
		{"e", 1, 0}, {"d", 1, 1}, {"c", 1, 2}, {"b", 1, 3}, {"a", 1, 4}};
	static uint32_t slots[16381];
	struct maglev_step steps[5];
	for (int i = 0; i < 5; i++)
		steps[i] = cilium_step(i + 1, 16381);
	for (unsigned int n = 1; n <= 5; n++) {
		cilium_fill(steps, (uint32_t[]){1, 1, 1, 1, 1}, n, 16381, slots);
		expect_slots(maglev_new_from_steps(members, steps, n, 16381), slots);
	}
}

/* TestWeightedBackendWithRemoval's counts; the weights' rules differ by a slot at most. */
static void test_cilium_weighted_counts(void **state)
{
	static const struct maglev_member members[] = {
		{"a", 2, 0}, {"b", 13, 1}, {"c", 111, 2}, {"d", 10, 3}};
	static const int want[] = {16, 98, 832, 75};
	struct maglev_step steps[4];
	int counts[4] = {0};
	for (int i = 0; i < 4; i++)
		steps[i] = cilium_step(i + 1, 1021);
	struct maglev *m = maglev_new_from_steps(members, steps, 4, 1021);
	assert_non_null(m);
	for (uint32_t i = 0; i < m->size; i++)
		counts[m->slots[i]]++;
	maglev_free(m);
	for (int i = 0; i < 4; i++)
		assert_in_range(counts[i], want[i] - 1, want[i] + 1);
}

/* --- a naive second implementation ------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct maglev_member *)a)->name,
		      ((const struct maglev_member *)b)->name);
}

/* The paper's pseudocode, permutations written out; in round r all of weight w have r * w / max. */
static void naive_fill(const struct group *g, uint32_t size, uint32_t *slots)
{
	struct maglev_member *sorted = calloc(g->count, sizeof(*sorted));
	uint32_t *permutation = calloc((size_t)g->count * size, sizeof(*permutation));
	uint64_t taken[MEMBERS_MAX] = {0}, max = 0, filled = 0;
	memcpy(sorted, g->members, g->count * sizeof(*sorted));
	qsort(sorted, g->count, sizeof(*sorted), by_name);
	for (unsigned int i = 0; i < g->count; i++) {
		struct maglev_step s = maglev_step(sorted[i].name, size);
		for (uint64_t j = 0; j < size; j++)
			permutation[i * size + j] = (s.offset + j * s.skip) % size;
		if (sorted[i].weight > max)
			max = sorted[i].weight;
	}
	memset(slots, 0xff, size * sizeof(*slots));
	for (uint64_t round = 1; filled < size; round++) {
		for (unsigned int i = 0; i < g->count && filled < size; i++) {
			if (!sorted[i].weight || round * sorted[i].weight < taken[i] * max)
				continue;
			uint32_t j = 0;
			while (slots[permutation[i * size + j]] != NONE)
				j++;
			slots[permutation[i * size + j]] = sorted[i].id;
			taken[i]++;
			filled++;
		}
	}
	free(permutation);
	free(sorted);
}

static void test_naive_agrees(void **state)
{
	static const uint32_t primes[] = {31, 61, 127, 251, 509};
	static struct group g;
	uint64_t random = 1;
	for (int round = 0; round < 200; round++) {
		uint32_t size = primes[random_word(&random) % 5], slots[512];
		group_init(&g, "backend-", round, 1 + random_word(&random) % 30);
		for (unsigned int i = 0; i < g.count; i++)
			g.members[i].weight = random_word(&random) % 8 * (round % 5);
		g.members[random_word(&random) % g.count].weight = 1 + round;
		naive_fill(&g, size, slots);
		expect_slots(group_build(&g, size), slots);
	}
}

/* The sizes that services have: there the last slots are looked for in another way. */
static void test_naive_agrees_on_whole_tables(void **state)
{
	static struct group g;
	static uint32_t slots[MAGLEV_PRIME];
	for (unsigned int count = 1; count <= 27; count += 13) {
		group_init(&g, "web-", count, count);
		for (unsigned int i = 0; i < count; i++)
			g.members[i].weight = 1 + i % 5;
		naive_fill(&g, MAGLEV_SMALL_PRIME, slots);
		expect_slots(group_build(&g, MAGLEV_SMALL_PRIME), slots);
		naive_fill(&g, MAGLEV_PRIME, slots);
		expect_slots(group_build(&g, MAGLEV_PRIME), slots);
	}
}

/* --- properties ------------------------------------------------------------------------------- */

static void expect_weights(const uint32_t *weights, unsigned int count)
{
	static struct group g;
	double sum = 0;
	uint32_t counts[MEMBERS_MAX] = {0};
	group_init(&g, "b", 0, count);
	group_weigh(&g, weights);
	struct maglev *m = group_build(&g, maglev_size(count));
	for (uint32_t i = 0; i < m->size; i++)
		counts[m->slots[i]]++;
	for (unsigned int i = 0; i < count; i++)
		sum += weights[i];
	for (unsigned int i = 0; i < count; i++) {
		double ideal = weights[i] / sum * m->size;
		double allowed = ideal > 100 ? ideal / 100 : 1; /* slots are whole */
		assert_true(counts[i] <= ideal + allowed && counts[i] >= ideal - allowed);
	}
	maglev_free(m);
}

static void test_weights_hold_within_1_percent(void **state)
{
	uint32_t hundred[100];
	uint64_t random = 2;
	expect_weights((uint32_t[]){1, 1}, 2);
	expect_weights((uint32_t[]){1, 2, 3}, 3);
	expect_weights((uint32_t[]){100, 50, 25, 10, 1}, 5);
	expect_weights((uint32_t[]){2, 13, 111, 10}, 4);
	expect_weights((uint32_t[]){100, 1, 100, 1}, 4);
	expect_weights((uint32_t[]){1, 1000}, 2);
	expect_weights((uint32_t[]){UINT32_MAX, UINT32_MAX / 2, 0, 1u << 24}, 4);
	for (int i = 0; i < 100; i++)
		hundred[i] = 50 + random_word(&random) % 100;
	expect_weights(hundred, 100);
}

/* A hundred slots each: one more or less is a hundredth. */
static void test_sizes(void **state)
{
	static struct group g;
	assert_int_equal(maglev_size(1), MAGLEV_SMALL_PRIME);
	assert_int_equal(maglev_size(MAGLEV_FEW + 1), MAGLEV_PRIME);
	assert_true(MAGLEV_SMALL_PRIME / MAGLEV_FEW >= 100);
	for (unsigned int count = 1; count <= 655; count += 3) {
		uint32_t counts[MEMBERS_MAX] = {0};
		group_init(&g, "b", 0, count);
		struct maglev *m = group_build(&g, maglev_size(count));
		for (uint32_t i = 0; i < m->size; i++)
			counts[m->slots[i]]++;
		for (unsigned int i = 0; i < count; i++)
			assert_in_range(counts[i], m->size / count, m->size / count + 1);
		maglev_free(m);
	}
}

static void test_1000_equal_backends_are_even(void **state)
{
	static struct group g;
	uint32_t counts[1000] = {0}, fullest = 0;
	group_init(&g, "web/backend-", 0, 1000);
	struct maglev *m = group_build(&g, MAGLEV_PRIME);
	for (uint32_t i = 0; i < m->size; i++)
		counts[m->slots[i]]++;
	for (int i = 0; i < 1000; i++)
		fullest = counts[i] > fullest ? counts[i] : fullest;
	assert_true(fullest <= 1.05 * MAGLEV_PRIME / 1000);
	maglev_free(m);
}

static void test_order_does_not_matter(void **state)
{
	static struct group g;
	uint64_t random = 3;
	group_init(&g, "b", 0, 40);
	for (unsigned int i = 0; i < g.count; i++)
		g.members[i].weight = i % 5;
	struct maglev *m = group_build(&g, 1021);
	for (int round = 0; round < 20; round++) {
		for (unsigned int i = g.count - 1; i > 0; i--) {
			unsigned int j = random_word(&random) % (i + 1);
			struct maglev_member other = g.members[j];
			g.members[j] = g.members[i];
			g.members[i] = other;
		}
		expect_same(group_build(&g, 1021), m);
	}
	maglev_free(m);
}

/* Ids are what slots yield and nothing else; a member of weight 0 is as good as none. */
static void test_only_names_and_weights_count(void **state)
{
	static struct group g;
	group_init(&g, "b", 0, 10);
	struct maglev *m = group_build(&g, 1021);
	for (unsigned int i = 0; i < g.count; i++)
		g.members[i].id = 65535 - i;
	struct maglev *other = group_build(&g, 1021);
	for (uint32_t i = 0; i < m->size; i++)
		assert_int_equal(other->slots[i], 65535 - m->slots[i]);
	maglev_free(other);
	group_init(&g, "b", 0, 13);
	for (unsigned int i = 10; i < g.count; i++)
		g.members[i].weight = 0;
	expect_same(group_build(&g, 1021), m);
	maglev_free(m);
}

static void test_one_down_moves_no_slot_of_others(void **state)
{
	static struct group g;
	enum { N = 10 };
	group_init(&g, "b", 0, N);
	struct maglev *m = group_build(&g, MAGLEV_PRIME);
	for (uint32_t down = 0; down < N; down++) {
		uint64_t up = ((1u << N) - 1) & ~(1u << down);
		uint32_t moved = 0, own = 0, inherited[N] = {0};
		for (uint32_t slot = 0; slot < m->size; slot++) {
			uint32_t id = maglev_pick(m, &up, slot);
			assert_true(id < N && id != down);
			if (m->slots[slot] != down) {
				moved += id != m->slots[slot];
			} else {
				own++;
				inherited[id]++;
			}
		}
		assert_int_equal(moved, 0);
		/* Each of the others gets about a ninth. */
		for (uint32_t id = 0; id < N; id++)
			if (id != down)
				assert_in_range(inherited[id], own / 9 / 2, own / 9 * 2);
	}
	maglev_free(m);
}

static void test_pick(void **state)
{
	static const struct maglev_member members[] = {{"B0", 1, 0}, {"B1", 1, 70}, {"B2", 1, 2}};
	static const struct maglev_step steps[] = {{3, 4}, {0, 2}, {3, 1}};
	struct maglev *m = maglev_new_from_steps(members, steps, 3, 7); /* 70 0 70 0 2 2 0 */
	static const struct {
		uint64_t up[2];
		uint32_t picks[7];
	} rows[] = {
		{{5, 64}, {70, 0, 70, 0, 2, 2, 0}},
		{{5, 0}, {0, 0, 0, 0, 2, 2, 0}},
		{{4, 64}, {70, 70, 70, 2, 2, 2, 70}},
		{{0, 64}, {70, 70, 70, 70, 70, 70, 70}},
		{{~69ull, ~64ull}, {NONE, NONE, NONE, NONE, NONE, NONE, NONE}},
	};
	assert_non_null(m);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint64_t slot = 0; slot < 7; slot++) {
			uint64_t far = slot + 7 * 0x123456789abcdefull;
			assert_int_equal(maglev_pick(m, rows[i].up, slot), rows[i].picks[slot]);
			assert_int_equal(maglev_pick(m, rows[i].up, far), rows[i].picks[slot]);
		}
	}
	maglev_free(m);
}

static void test_no_table(void **state)
{
	static struct group g;
	group_init(&g, "b", 0, 8);
	assert_null(maglev_new(g.members, 0, 7));
	assert_null(maglev_new(g.members, 8, 7));
	assert_null(maglev_new(g.members, 1, 1));
	expect_slots(maglev_new(g.members, 1, 2), (uint32_t[]){0, 0});
	g.members[7].weight = 0;
	maglev_free(group_build(&g, 7));
	group_weigh(&g, (uint32_t[8]){0});
	assert_null(maglev_new(g.members, 8, 7));
	maglev_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paper),
		cmocka_unit_test(test_envoy_basic),
		cmocka_unit_test(test_envoy_weighted),
		cmocka_unit_test(test_envoy_lopsided),
		cmocka_unit_test(test_cilium_table_comes_out),
		cmocka_unit_test(test_cilium_equal_weights),
		cmocka_unit_test(test_cilium_weighted_counts),
		cmocka_unit_test(test_naive_agrees),
		cmocka_unit_test(test_naive_agrees_on_whole_tables),
		cmocka_unit_test(test_weights_hold_within_1_percent),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_1000_equal_backends_are_even),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_only_names_and_weights_count),
		cmocka_unit_test(test_one_down_moves_no_slot_of_others),
		cmocka_unit_test(test_pick),
		cmocka_unit_test(test_no_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
