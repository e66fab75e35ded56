// SPDX-License-Identifier: BSD-2-Clause
/*
 * The classes of IPv4 sources by octets: what stands in the cells is what the prefixes say, by one
 * look at each of them; and where there was no room, the cells say so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "bpf/policy.h"
#include "lb/policy_near.h"
#include "lb/prefix.h"
#include "lb/sources.h"
#include "tests/unit/dice.h"

#define GROUPS 5

static struct policy_near near;

/* The class of a group is another number than the group's. */
static const uint16_t classes[GROUPS + 1] = {7, 40, 41, 7, 3000, 1};

static void add(struct source_list *l, uint32_t address, uint32_t bits, uint16_t group)
{
	struct source_prefix p = {.address = {{0, 0, htonl(0xffff), htonl(address)}},
				  .length = 96 + bits,
				  .identity = group};
	p.address = prefix_mask(&p.address, p.length);
	assert_int_equal(source_list_add(l, &p), 0);
}

static uint16_t by_prefixes(const struct source_list *l, uint32_t address)
{
	const struct source_prefix *best = NULL;
	for (size_t i = 0; i < l->count; i++) {
		const struct source_prefix *p = &l->prefixes[i];
		uint32_t bits = p->length - 96u;
		uint32_t mask = bits ? ~0u << (32 - bits) : 0;
		if ((address & mask) == ntohl(p->address.word[3]) &&
		    (!best || p->length > best->length))
			best = p;
	}
	return classes[best ? best->identity : 0];
}

static uint16_t by_cells(uint32_t address)
{
	uint16_t cell = near.upper[address >> 16];
	for (int shift = 8; shift >= 0 && cell & POLICY_NEAR_MORE && cell != POLICY_NEAR_FAR;
	     shift -= 8)
		cell = near.blocks[cell & ~POLICY_NEAR_MORE][address >> shift & 255];
	return cell;
}

static void fill(struct source_list *l)
{
	struct source_table t;
	struct source_family families[2];
	struct source_clash clash;
	assert_int_equal(source_table_init(&t, families, l, &clash), 0);
	policy_near_fill(&near, &t, &families[0], classes);
	source_table_fini(&t);
}

/* Looks at an address and at its neighbours; how many cells said that there was no room. */
static unsigned int look(const struct source_list *l, uint32_t address)
{
	unsigned int far = 0;
	for (uint32_t a = address - 1; a != address + 2; a++) {
		uint16_t cell = by_cells(a);
		if (cell == POLICY_NEAR_FAR)
			far++;
		else
			assert_int_equal(cell, by_prefixes(l, a));
	}
	return far;
}

static void test_cells_say_what_prefixes_say(void **state)
{
	struct dice d = {.random = 0x6e656172};
	for (int round = 0; round < 60; round++) {
		struct source_list l = {};
		for (uint32_t i = dice_roll(&d, 40); i; i--) {
			/* Near one another, so that some lie in others; each once. */
			uint32_t at = (10u << 24) + (i << dice_roll(&d, 22)) + dice_roll(&d, 4);
			add(&l, at, 8 + dice_roll(&d, 25), 1 + at % GROUPS);
		}
		for (size_t i = 0; i < l.count; i++)
			for (size_t k = 0; k < i; k++)
				if (l.prefixes[i].length == l.prefixes[k].length &&
				    !memcmp(&l.prefixes[i].address, &l.prefixes[k].address, 16))
					l.prefixes[i].identity = l.prefixes[k].identity;
		if (dice_once_in(&d, 4))
			add(&l, 0, 0, 2);
		fill(&l);
		for (size_t i = 0; i < l.count; i++) {
			uint32_t first = ntohl(l.prefixes[i].address.word[3]);
			uint64_t size = 1ull << (128 - l.prefixes[i].length);
			assert_int_equal(look(&l, first), 0);
			assert_int_equal(look(&l, first + size - 1), 0);
		}
		for (int i = 0; i < 100; i++)
			assert_int_equal(look(&l, (uint32_t)dice_draw(&d)), 0);
		source_list_fini(&l);
	}
}

static void test_nobody(void **state)
{
	struct source_list l = {};
	fill(&l);
	for (uint32_t i = 0; i < 65536; i++)
		assert_int_equal(near.upper[i], classes[0]);
	source_list_fini(&l);
}

/* An address in each of many nets: two blocks a net. */
static void test_no_room(void **state)
{
	const uint32_t nets = POLICY_NEAR_BLOCKS / 2 + 100;
	struct source_list l = {};
	unsigned int far = 0;
	for (uint32_t i = 0; i < nets; i++)
		add(&l, i << 16 | 0x0102, 32, 1 + i % 2); /* none of nobody's class */
	fill(&l);
	for (uint32_t i = 0; i < nets; i++)
		far += look(&l, i << 16 | 0x0102);
	assert_int_equal(far, 3 * 100);
	source_list_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells_say_what_prefixes_say),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
