// SPDX-License-Identifier: BSD-2-Clause
/* Sources: the tables against a scan of all prefixes, texts with faults, and prefixes in two
 * groups. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/policy.h"
#include "lb/policing.h"
#include "lb/policy.h"
#include "tests/unit/fixture.h"

#define ROUNDS   300
#define PREFIXES 200
#define LOOKUPS  1000

static bool bits_equal(const struct addr *a, const struct addr *b, uint32_t bits)
{
	const uint8_t *x = (const void *)a, *y = (const void *)b;
	for (uint32_t i = 0; i < bits; i++)
		if ((x[i / 8] ^ y[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool is_v4(const struct source_prefix *p)
{
	return addr_is_v4(&p->address) && p->length >= 96;
}

static uint32_t scan(const struct source_list *l, const struct addr *a)
{
	uint32_t found = 0;
	int best = -1;
	for (size_t i = 0; i < l->count; i++) {
		const struct source_prefix *p = &l->prefixes[i];
		if (p->length > best && is_v4(p) == addr_is_v4(a) &&
		    bits_equal(&p->address, a, p->length)) {
			best = p->length;
			found = p->identity;
		}
	}
	return found;
}

/* Near each other, and near the ends of the space, so that prefixes nest and touch. */
static struct addr random_address(uint64_t *random)
{
	static const uint32_t ends[] = {0, 0xffffffff, 0x20010db8, 0x80000000};
	struct addr a;
	uint64_t r = fixture_random(random);
	if (r % 2) {
		a = (struct addr){
			{0, 0, htonl(0xffff), htonl(ends[r >> 8 & 3] ^ (r >> 32 & 0xff0f))}};
		return a;
	}
	for (int i = 0; i < 4; i++)
		a.word[i] = htonl(ends[r >> (8 + 2 * i) & 3] ^
				  (r >> (20 + i) & 1 ? r >> 32 & 0xf00f : 0));
	return a;
}

static void fill(struct source_list *l, uint64_t *random, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct source_prefix p = {.address = random_address(random)};
		uint64_t r = fixture_random(random);
		bool v4 = addr_is_v4(&p.address);
		p.length = v4 ? 96 + r % 33 : r % 129;
		p.address = prefix_mask(&p.address, p.length);
		/* A prefix is in one group, here by what it is. */
		p.identity = 1 + (p.length * 7 + ntohl(p.address.word[3]) + p.address.word[0]) % 5;
		if (!v4 || p.length >= 96)
			assert_int_equal(source_list_add(l, &p), 0);
	}
}

static void test_longest_prefix_wins(void **state)
{
	uint64_t random = 0x736f7572636573;
	for (int round = 0; round < ROUNDS; round++) {
		struct source_list l = {};
		struct policy head = {};
		struct policy_tables t = {.head = &head};
		struct source_clash clash;
		fill(&l, &random, round % PREFIXES);
		assert_int_equal(source_table_init(&t.sources, head.families, &l, &clash), 0);
		for (int i = 0; i < LOOKUPS; i++) {
			struct addr a = random_address(&random);
			if (i < (int)l.count && l.prefixes[i].length)
				a = l.prefixes[i].address;
			assert_int_equal(policing_identity(&t, &a), scan(&l, &a));
		}
		source_table_fini(&t.sources);
		source_list_fini(&l);
	}
}

static int read_text(struct source_list *l, const char *text, struct source_faults *faults)
{
	*faults = (struct source_faults){};
	const struct source_reading reading = {.identity = 3, .faults = faults};
	return source_list_read(l, text, strlen(text), &reading);
}

static void test_text(void **state)
{
	struct source_list l = {};
	struct source_faults f;
	assert_int_equal(read_text(&l,
				   "# a list\n\n192.0.2.0/24\r\n  2001:db8::/32 ; six\n"
				   "198.51.100.7# one\n0.0.0.0/0\n::/0",
				   &f),
			 0);
	assert_int_equal(l.count, 5);
	assert_int_equal(l.prefixes[0].length, 96 + 24);
	assert_int_equal(l.prefixes[1].length, 32);
	assert_int_equal(l.prefixes[1].line, 4);
	assert_int_equal(l.prefixes[2].length, 128);
	assert_int_equal(l.prefixes[3].length, 96);
	assert_int_equal(l.prefixes[4].length, 0);
	assert_int_equal(l.prefixes[4].identity, 3);
	source_list_fini(&l);
}

static void test_faults_are_named(void **state)
{
	struct source_list l = {};
	struct source_faults f;
	char many[4096] = "";
	assert_int_equal(
		read_text(&l, "10.0.0.0/8\n10.0.0.300\n10.1.2.3/24\n\001\n10.0.0.0/33\n", &f),
		-EINVAL);
	assert_int_equal(f.count, 4);
	assert_string_equal(f.text[0],
			    "2: found '10.0.0.300'; expected an IPv4 or IPv6 address or prefix");
	assert_string_equal(f.text[1], "3: found '10.1.2.3/24'; expected 10.1.2.0/24");
	assert_string_equal(f.text[2], "4: found '?'; expected an IPv4 or IPv6 address or prefix");
	for (int i = 0; i < 25; i++)
		strcat(many, "nonsense\n");
	assert_int_equal(read_text(&l, many, &f), -EINVAL);
	assert_int_equal(f.count, 25);
	source_list_fini(&l);
}

static void test_one_prefix_in_two_groups(void **state)
{
	struct source_list l = {};
	struct source_table t;
	struct source_family families[2];
	struct source_clash clash;
	struct source_prefix p = {.length = 96 + 8, .identity = 1, .line = 7};
	p.address = (struct addr){{0, 0, htonl(0xffff), htonl(10u << 24)}};
	assert_int_equal(source_list_add(&l, &p), 0);
	assert_int_equal(source_list_add(&l, &p), 0); /* twice in one group is no fault */
	p.identity = 2;
	p.line = 9;
	p.length = 96 + 16;
	assert_int_equal(source_list_add(&l, &p), 0);
	assert_int_equal(source_table_init(&t, families, &l, &clash), 0);
	assert_int_equal(t.prefix_count, 2);
	source_table_fini(&t);
	p.length = 96 + 8;
	assert_int_equal(source_list_add(&l, &p), 0);
	assert_int_equal(source_table_init(&t, families, &l, &clash), -EEXIST);
	assert_int_equal(clash.a.identity, 1);
	assert_int_equal(clash.b.identity, 2);
	assert_int_equal(clash.b.line, 9);
	source_list_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest_prefix_wins),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_faults_are_named),
		cmocka_unit_test(test_one_prefix_in_two_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
