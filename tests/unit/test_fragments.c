// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of datagrams against a naive model, that keeps each datagram's fragments in a list and
 * compares each with each; and what the model does not know of: lifetimes, room, threads.
 */
#include "lb/fragments.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/packet.h"
#include "tests/unit/fixture.h"

#define SECOND 1000000000ull

static const struct flow_seed seed = {{1, 2, 3, 4, 5, 6}};

static struct fragment make(uint32_t datagram, uint32_t offset, uint32_t length, bool more)
{
	struct fragment x = {.offset = offset, .length = length, .more = more};
	addr_set_v4(&x.key.source, htonl(0xc6336407));
	addr_set_v4(&x.key.destination, htonl(0xcb00710a));
	x.key.source_port = datagram;
	x.key.destination_port = datagram >> 16;
	x.key.protocol = IPPROTO_UDP;
	return x;
}

static struct fragments *open_table(void)
{
	struct fragments *f = fragments_new(&seed);
	assert_non_null(f);
	return f;
}

/* --- the model ------------------------------------------------------------------------------ */

#define MODEL_FRAGMENTS 4096

struct model {
	struct fragment list[MODEL_FRAGMENTS];
	unsigned int count;
	bool overlap;
};

static uint32_t end_of(const struct fragment *x)
{
	return x->offset + x->length;
}

/* In units: the last fragment has the rest of its last unit for itself. */
static bool overlaps(const struct fragment *a, const struct fragment *b)
{
	return a->offset < (end_of(b) + 7) / 8 * 8 && b->offset < (end_of(a) + 7) / 8 * 8;
}

static bool same_bounds(const struct fragment *a, const struct fragment *b)
{
	return a->offset == b->offset && (end_of(a) + 7) / 8 == (end_of(b) + 7) / 8;
}

/* Whether there is something behind the end of a datagram, or two ends of it. */
static bool contradicts(const struct fragment *a, const struct fragment *b)
{
	if (!a->more && !b->more)
		return end_of(a) != end_of(b);
	if (!a->more)
		return end_of(b) >= end_of(a);
	return false;
}

static void model_add(struct model *m, const struct fragment *x)
{
	bool known = false;
	for (unsigned int i = 0; i < m->count; i++) {
		const struct fragment *y = &m->list[i];
		if (same_bounds(x, y) && x->more == y->more && end_of(x) == end_of(y))
			known = true;
		else if (overlaps(x, y) || contradicts(x, y) || contradicts(y, x))
			m->overlap = true;
	}
	if (!known)
		m->list[m->count++] = *x;
}

static bool model_is_whole(const struct model *m)
{
	uint32_t end = 0, sum = 0;
	for (unsigned int i = 0; i < m->count; i++) {
		sum += m->list[i].length;
		if (!m->list[i].more)
			end = end_of(&m->list[i]);
	}
	return end && sum == end;
}

/* --- against it ------------------------------------------------------------------------------ */

/* Fragments of a datagram on a grid, now and then with other bounds or another end. */
static struct fragment random_fragment(uint32_t datagram, uint32_t grid, uint32_t pieces,
				       uint64_t *random)
{
	uint64_t r = fixture_random(random);
	uint32_t i = r % pieces, offset = i * grid, length = grid;
	bool more = i + 1 < pieces;
	if (r >> 32 & 1 && !more)
		length -= 3;
	switch (r >> 8 & 63) {
	case 0:
		length += 8;
		break;
	case 1:
		offset += 8;
		break;
	case 2:
		if (length > 8)
			length = (length - 8) & ~7u;
		break;
	case 3:
		more = !more;
		length &= ~7u;
		break;
	}
	return make(datagram, offset, length, more);
}

static void run_datagram(struct fragments *f, uint32_t datagram, uint64_t *random)
{
	static struct model m;
	struct fragment_decision decision = {.service = 1, .backend = datagram & 0xffff}, got;
	uint32_t pieces = 2 + fixture_random(random) % 60;
	uint32_t grid = 8 * (1 + fixture_random(random) % 130);
	struct fragment x = make(datagram, 0, grid, true);
	m.count = 0;
	m.overlap = false;
	assert_false(fragments_follow(f, &x, SECOND, &got));
	assert_true(fragments_remember(f, &x, &decision, SECOND));
	model_add(&m, &x);
	for (uint32_t n = 0; n < 2 * pieces; n++) {
		x = random_fragment(datagram, grid, pieces, random);
		if (!m.overlap && model_is_whole(&m)) {
			assert_false(fragments_follow(f, &x, SECOND, &got));
			return;
		}
		model_add(&m, &x);
		assert_true(fragments_follow(f, &x, SECOND, &got));
		assert_int_equal(got.backend, decision.backend);
		assert_int_equal(got.reason, m.overlap ? REASON_FRAGMENT_OVERLAP : REASON_NONE);
	}
}

static void test_against_model(void **state)
{
	uint64_t random = 0x6d6f64656c;
	for (uint32_t round = 0; round < 40; round++) {
		struct fragments *f = open_table();
		for (uint32_t n = 0; n < 200; n++)
			run_datagram(f, round << 16 | n, &random);
		fragments_free(f);
	}
}

/* --- single cases ------------------------------------------------------------------------------
 */

static enum reason follow(struct fragments *f, const struct fragment *x)
{
	struct fragment_decision d;
	return fragments_follow(f, x, SECOND, &d) ? d.reason : REASON_FRAGMENT_UNMATCHED;
}

static void start(struct fragments *f, uint32_t datagram, uint32_t length)
{
	struct fragment x = make(datagram, 0, length, true);
	struct fragment_decision d = {.service = 1, .backend = 2};
	assert_true(fragments_remember(f, &x, &d, SECOND));
}

static void test_the_whole_range(void **state)
{
	struct fragments *f = open_table();
	start(f, 1, 8);
	for (uint32_t offset = 8; offset < 65528; offset += 8) {
		struct fragment x = make(1, offset, 8, true);
		assert_int_equal(follow(f, &x), REASON_NONE);
		assert_int_equal(follow(f, &x), REASON_NONE);
	}
	struct fragment last = make(1, 65528, 7, false);
	assert_int_equal(follow(f, &last), REASON_NONE);
	assert_int_equal(follow(f, &last), REASON_FRAGMENT_UNMATCHED);
	fragments_free(f);
}

/* What each does to a datagram that has 0-800 and 1600-2400 of it. */
static void test_overlaps(void **state)
{
	static const struct {
		uint32_t offset, length;
		bool more;
		enum reason want;
	} cases[] = {
		{800, 800, true, REASON_NONE},
		{0, 800, true, REASON_NONE},
		{1600, 800, true, REASON_NONE},
		{2400, 8, true, REASON_NONE},
		{2400, 1, false, REASON_NONE},
		{0, 792, true, REASON_FRAGMENT_OVERLAP},
		{0, 808, true, REASON_FRAGMENT_OVERLAP},
		{8, 792, true, REASON_FRAGMENT_OVERLAP},
		{792, 808, true, REASON_FRAGMENT_OVERLAP},
		{800, 808, true, REASON_FRAGMENT_OVERLAP},
		{1608, 8, true, REASON_FRAGMENT_OVERLAP},
		{0, 2400, true, REASON_FRAGMENT_OVERLAP},
		{800, 3, false, REASON_FRAGMENT_OVERLAP},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fragments *f = open_table();
		struct fragment other = make(1, 1600, 800, true), gap = make(1, 800, 8, true);
		struct fragment x = make(1, cases[i].offset, cases[i].length, cases[i].more);
		start(f, 1, 800);
		assert_int_equal(follow(f, &other), REASON_NONE);
		if (follow(f, &x) != cases[i].want)
			fail_msg("%u bytes at %u", cases[i].length, cases[i].offset);
		/* All the rest goes the same way. */
		if (cases[i].want)
			assert_int_equal(follow(f, &gap), REASON_FRAGMENT_OVERLAP);
		fragments_free(f);
	}
}

static void test_keys_are_compared(void **state)
{
	struct fragments *f = open_table();
	struct fragment x = make(1, 8, 8, true), y;
	start(f, 1, 8);
	y = x;
	y.key.source.word[3] ^= 1;
	assert_int_equal(follow(f, &y), REASON_FRAGMENT_UNMATCHED);
	y = x;
	y.key.destination.word[3] ^= 1;
	assert_int_equal(follow(f, &y), REASON_FRAGMENT_UNMATCHED);
	y = x;
	y.key.protocol = IPPROTO_TCP;
	assert_int_equal(follow(f, &y), REASON_FRAGMENT_UNMATCHED);
	y = make(1 | 1u << 16, 8, 8, true);
	assert_int_equal(follow(f, &y), REASON_FRAGMENT_UNMATCHED);
	assert_int_equal(follow(f, &x), REASON_NONE);
	fragments_free(f);
}

/* RFC 791 has the protocol in the key, RFC 8200 has not. */
static void test_keys_of_packets(void **state)
{
	struct packet p = {
		.fragment = PACKET_LATER_FRAGMENT,
		.fragment_offset = 16,
		.fragment_length = 9,
		.fragment_id = htonl(0x01020304),
		.key = {.protocol = IPPROTO_UDP, .source_port = 5, .destination_port = 6},
	};
	p.ethertype = htons(ETH_P_IP);
	struct fragment v4 = fragment_of(&p);
	p.key.protocol = IPPROTO_TCP;
	struct fragment other = fragment_of(&p);
	assert_memory_not_equal(&v4.key, &other.key, sizeof(v4.key));
	p.ethertype = htons(ETH_P_IPV6);
	struct fragment tcp6 = fragment_of(&p);
	p.key.protocol = IPPROTO_DSTOPTS;
	struct fragment options6 = fragment_of(&p);
	assert_memory_equal(&tcp6.key, &options6.key, sizeof(tcp6.key));
	p.fragment_id = htonl(0x01020305);
	options6 = fragment_of(&p);
	assert_memory_not_equal(&tcp6.key, &options6.key, sizeof(tcp6.key));
	assert_int_equal(v4.offset, 16);
	assert_int_equal(v4.length, 9);
	assert_false(v4.more);
}

static void test_lifetime(void **state)
{
	struct fragments *f = open_table();
	struct fragment x = make(1, 8, 8, true);
	struct fragment_decision d;
	start(f, 1, 8);
	assert_true(fragments_follow(f, &x, SECOND + FRAGMENTS_LIFETIME_NS - 1, &d));
	assert_false(fragments_follow(f, &x, SECOND + FRAGMENTS_LIFETIME_NS, &d));
	fragments_free(f);
}

/* What is in use is never given up; what has ended is. */
static void test_room(void **state)
{
	enum { TRIED = 8 * FRAGMENTS_DATAGRAMS };
	static bool kept[TRIED];
	struct fragments *f = open_table();
	struct fragment_decision d = {.backend = 3};
	uint32_t count = 0;
	for (uint32_t n = 0; n < TRIED; n++) {
		/* Ids that differ in one half only: what is compared is all of it. */
		struct fragment x = make(n << 16, 0, 8, true);
		kept[n] = fragments_remember(f, &x, &d, SECOND);
		count += kept[n];
	}
	assert_in_range(count, FRAGMENTS_DATAGRAMS * 9 / 10, FRAGMENTS_DATAGRAMS);
	for (uint32_t n = 0; n < TRIED; n++) {
		struct fragment x = make(n << 16, 8, 8, true);
		assert_int_equal(follow(f, &x), kept[n] ? REASON_NONE : REASON_FRAGMENT_UNMATCHED);
	}
	struct fragment x = make(TRIED, 0, 8, true);
	assert_true(fragments_remember(f, &x, &d, SECOND + FRAGMENTS_LIFETIME_NS));
	fragments_free(f);
}

/* --- threads --------------------------------------------------------------------------------- */

#define RACE_DATAGRAMS 200u
#define RACE_PIECES    8000u

static struct fragments *raced;
static bool race_known[RACE_DATAGRAMS];
static uint32_t race_at; /* how often a thread has come to another datagram */
static uint32_t race_failures;

static bool is_followed(const struct fragment *x, uint32_t backend)
{
	struct fragment_decision got;
	/* Not known may also mean that the other thread was at it. */
	for (int tries = 0; tries < 1000000; tries++)
		if (fragments_follow(raced, x, SECOND, &got))
			return got.backend == backend && !got.reason;
	return false;
}

/* Every other piece of each datagram, by turns with the other thread. */
static void *race(void *argument)
{
	uint32_t first = (uintptr_t)argument;
	for (uint32_t n = 0; n < RACE_DATAGRAMS; n++) {
		/* Both at the same datagram, at the same time. */
		__atomic_fetch_add(&race_at, 1, __ATOMIC_RELAXED);
		while (__atomic_load_n(&race_at, __ATOMIC_RELAXED) < 2 * (n + 1))
			sched_yield();
		for (uint32_t i = 1 + first; race_known[n] && i < RACE_PIECES; i += 2) {
			struct fragment x = make(n, i * 8, 8, true);
			if (!is_followed(&x, n))
				__atomic_fetch_add(&race_failures, 1, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

/* If anything that a thread noted got lost, a datagram never becomes whole. */
static void test_threads(void **state)
{
	pthread_t threads[2];
	raced = open_table();
	for (uint32_t n = 0; n < RACE_DATAGRAMS; n++) {
		struct fragment x = make(n, 0, 8, true);
		struct fragment_decision d = {.backend = n};
		race_known[n] = fragments_remember(raced, &x, &d, SECOND);
	}
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, (void *)i), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(race_failures, 0);
	for (uint32_t n = 0; n < RACE_DATAGRAMS; n++) {
		struct fragment last = make(n, RACE_PIECES * 8, 8, false);
		if (!race_known[n])
			continue;
		assert_int_equal(follow(raced, &last), REASON_NONE);
		assert_int_equal(follow(raced, &last), REASON_FRAGMENT_UNMATCHED);
	}
	fragments_free(raced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_the_whole_range),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_keys_are_compared),
		cmocka_unit_test(test_keys_of_packets),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
