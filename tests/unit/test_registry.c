// SPDX-License-Identifier: BSD-2-Clause
/* The registry against a naive model: a list of names, and a list of when each id was released. */
#include "lb/registry.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_ids_are_stable(void **state)
{
	struct registry *r = registry_new(8);
	assert_non_null(r);
	assert_int_equal(registry_end(r), 0);
	assert_int_equal(registry_assign(r, "web/b1"), 0);
	assert_int_equal(registry_assign(r, "web/b2"), 1);
	assert_int_equal(registry_assign(r, ""), 2);
	assert_int_equal(registry_assign(r, "web/b1"), 0);
	assert_int_equal(registry_find(r, "web/b2"), 1);
	assert_int_equal(registry_find(r, "web/b"), -1);
	assert_int_equal(registry_find(r, "web/b3"), -1);
	assert_string_equal(registry_name(r, 1), "web/b2");
	assert_string_equal(registry_name(r, 2), "");
	assert_null(registry_name(r, 3));
	assert_null(registry_name(r, UINT32_MAX));
	assert_int_equal(registry_end(r), 3);
	registry_release(r, 0);
	assert_int_equal(registry_find(r, "web/b1"), -1);
	assert_int_equal(registry_find(r, "web/b2"), 1);
	assert_null(registry_name(r, 0));
	registry_free(r);
}

static void test_names_are_copied(void **state)
{
	char name[] = "web";
	struct registry *r = registry_new(2);
	assert_int_equal(registry_assign(r, name), 0);
	memset(name, 'x', 3);
	assert_int_equal(registry_find(r, "web"), 0);
	assert_string_equal(registry_name(r, 0), "web");
	registry_free(r);
}

static void test_fresh_first_then_longest_released(void **state)
{
	struct registry *r = registry_new(4);
	assert_int_equal(registry_assign(r, "a"), 0);
	assert_int_equal(registry_assign(r, "b"), 1);
	assert_int_equal(registry_assign(r, "c"), 2);
	registry_release(r, 1);
	registry_release(r, 0);
	assert_int_equal(registry_assign(r, "b"), 3); /* fresh, though b had 1 */
	assert_int_equal(registry_end(r), 4);
	assert_int_equal(registry_assign(r, "d"), 1);
	registry_release(r, 3);
	assert_int_equal(registry_assign(r, "e"), 0);
	assert_int_equal(registry_assign(r, "f"), 3);
	assert_int_equal(registry_assign(r, "g"), -1);
	assert_int_equal(registry_find(r, "g"), -1);
	assert_int_equal(registry_end(r), 4);
	registry_free(r);
}

static void test_release_of_what_nobody_has(void **state)
{
	struct registry *r = registry_new(2);
	registry_release(r, 0);
	registry_release(r, 7);
	assert_int_equal(registry_assign(r, "a"), 0);
	assert_int_equal(registry_assign(r, "b"), 1);
	registry_release(r, 0);
	registry_release(r, 0);
	assert_int_equal(registry_assign(r, "c"), 0);
	assert_int_equal(registry_assign(r, "d"), -1);
	registry_free(r);
}

static void test_no_capacity(void **state)
{
	struct registry *r = registry_new(0);
	assert_non_null(r);
	assert_int_equal(registry_assign(r, "a"), -1);
	assert_int_equal(registry_find(r, "a"), -1);
	assert_int_equal(registry_end(r), 0);
	registry_free(r);
	registry_free(NULL);
}

/* As a new daemon does it with what the one before left: 0 and 3 were released there. */
static void test_restore(void **state)
{
	struct registry *r = registry_new(7);
	char name[] = "web/b1";
	assert_int_equal(registry_restore(r, name, 1), 1);
	memset(name, 'x', 3);
	assert_int_equal(registry_restore(r, "web/b2", 2), 2);
	assert_int_equal(registry_restore(r, "dns/b1", 4), 4);
	assert_int_equal(registry_end(r), 5);
	assert_int_equal(registry_find(r, "web/b1"), 1);
	assert_int_equal(registry_find(r, "web/b2"), 2);
	assert_int_equal(registry_find(r, "dns/b1"), 4);
	assert_string_equal(registry_name(r, 4), "dns/b1");
	assert_null(registry_name(r, 0));
	assert_null(registry_name(r, 3));
	/* Who had an id keeps it; new names get fresh ids, then the gaps, lowest first. */
	assert_int_equal(registry_assign(r, "web/b2"), 2);
	assert_int_equal(registry_assign(r, "a"), 5);
	registry_release(r, 1);
	assert_int_equal(registry_assign(r, "b"), 6);
	assert_int_equal(registry_assign(r, "c"), 0);
	assert_int_equal(registry_assign(r, "d"), 3);
	assert_int_equal(registry_assign(r, "e"), 1);
	assert_int_equal(registry_assign(r, "f"), -1);
	registry_free(r);
}

static void test_restore_is_refused(void **state)
{
	struct registry *r = registry_new(4);
	assert_int_equal(registry_restore(r, "a", 4), -1);
	assert_int_equal(registry_restore(r, "a", UINT32_MAX), -1);
	assert_int_equal(registry_end(r), 0);
	assert_int_equal(registry_restore(r, "b", 1), 1);
	assert_int_equal(registry_restore(r, "c", 1), -1); /* taken */
	assert_int_equal(registry_restore(r, "c", 0), -1); /* not ascending */
	assert_int_equal(registry_find(r, "c"), -1);
	assert_string_equal(registry_name(r, 1), "b");
	assert_int_equal(registry_assign(r, "d"), 2);
	assert_int_equal(registry_restore(r, "e", 2), -1); /* given out by then */
	assert_int_equal(registry_restore(r, "e", 3), 3);
	assert_int_equal(registry_assign(r, "f"), 0); /* still to be had */
	assert_int_equal(registry_assign(r, "g"), -1);
	registry_free(r);
}

#define CAPACITY 20
#define NAMES    40

struct model {
	int holder[CAPACITY];            /* name's number, or -1 */
	unsigned int released[CAPACITY]; /* when; 0: never given out */
	unsigned int clock;
	uint32_t end;
};

static int64_t model_find(const struct model *m, int name)
{
	for (int id = 0; id < CAPACITY; id++)
		if (m->holder[id] == name)
			return id;
	return -1;
}

static int64_t model_assign(struct model *m, int name)
{
	int best = -1;
	if (model_find(m, name) >= 0)
		return model_find(m, name);
	for (int id = 0; id < CAPACITY; id++)
		if (m->holder[id] < 0 && (best < 0 || m->released[id] < m->released[best]))
			best = id;
	if (best < 0)
		return -1;
	m->holder[best] = name;
	if (best + 1u > m->end)
		m->end = best + 1;
	return best;
}

static void expect_same(const struct registry *r, const struct model *m)
{
	char text[32];
	assert_int_equal(registry_end(r), m->end);
	for (int id = 0; id < CAPACITY; id++) {
		const char *name = registry_name(r, id);
		assert_int_equal(name != NULL, m->holder[id] >= 0);
		if (!name)
			continue;
		snprintf(text, sizeof(text), "name-%d", m->holder[id]);
		assert_string_equal(name, text);
	}
	for (int i = 0; i < NAMES; i++) {
		snprintf(text, sizeof(text), "name-%d", i);
		assert_int_equal(registry_find(r, text), model_find(m, i));
	}
}

static void test_model_agrees(void **state)
{
	struct registry *r = registry_new(CAPACITY);
	struct model m = {.clock = 1};
	unsigned int random = 1;
	memset(m.holder, 0xff, sizeof(m.holder));
	for (int step = 0; step < 5000; step++) {
		char text[32];
		int name = rand_r(&random) % NAMES;
		uint32_t id = rand_r(&random) % (CAPACITY + 2);
		/* Now mostly full, now mostly empty. */
		if (rand_r(&random) % 10 < (step / 500 % 2 ? 3 : 7)) {
			snprintf(text, sizeof(text), "name-%d", name);
			assert_int_equal(registry_assign(r, text), model_assign(&m, name));
		} else {
			registry_release(r, id);
			if (id < CAPACITY && m.holder[id] >= 0) {
				m.holder[id] = -1;
				m.released[id] = m.clock++;
			}
		}
		expect_same(r, &m);
	}
	registry_free(r);
}

static void test_many_names(void **state)
{
	enum { COUNT = 65536 };
	struct registry *r = registry_new(COUNT);
	char text[32];
	for (int i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "service-%d/backend-%d", i / 100, i);
		assert_int_equal(registry_assign(r, text), i);
	}
	assert_int_equal(registry_assign(r, "one too many"), -1);
	for (int i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "service-%d/backend-%d", i / 100, i);
		assert_int_equal(registry_find(r, text), i);
	}
	registry_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_are_stable),
		cmocka_unit_test(test_names_are_copied),
		cmocka_unit_test(test_fresh_first_then_longest_released),
		cmocka_unit_test(test_release_of_what_nobody_has),
		cmocka_unit_test(test_no_capacity),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_restore_is_refused),
		cmocka_unit_test(test_model_agrees),
		cmocka_unit_test(test_many_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
