// SPDX-License-Identifier: BSD-2-Clause
/* How long a worker looks for packets before it sleeps, by when they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/patience.h"

#define TURN_NS 1000

static uint64_t now_ns = 1000000000;

/* Nothing comes for `gap_ns`, then packets do; for how long it has looked for them. */
static uint64_t looked(struct patience *p, uint64_t gap_ns)
{
	uint64_t start_ns = now_ns, end_ns = start_ns + gap_ns;
	while (now_ns < end_ns && !patience_is_over(p, now_ns))
		now_ns += TURN_NS;
	uint64_t looked_ns = now_ns - start_ns;
	now_ns = end_ns;
	patience_reward(p, now_ns);
	now_ns += 100 * TURN_NS; /* they are worked on */
	return looked_ns;
}

static void test_it_grows_with_packets_that_come_soon(void **state)
{
	struct patience p = {};
	assert_int_equal(looked(&p, 30000), 0);
	assert_int_equal(looked(&p, 30000), 10000);
	assert_int_equal(looked(&p, 30000), 20000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(looked(&p, 30000), 30000); /* until they come */
	assert_int_equal(p.ns, 40000);
	assert_int_equal(looked(&p, 45000), 40000);
	assert_int_equal(looked(&p, 50000), PATIENCE_MOST_NS);
	assert_int_equal(p.ns, PATIENCE_MOST_NS);
}

static void test_it_ends_with_packets_that_come_late(void **state)
{
	struct patience p = {.ns = PATIENCE_MOST_NS};
	assert_int_equal(looked(&p, 200000), PATIENCE_MOST_NS);
	for (int i = 0; i < 10; i++)
		assert_int_equal(looked(&p, 200000), 0);
}

/* It is woken for nothing, too: by the daemon, or by its own timeout. */
static void test_waking_up_is_no_packet(void **state)
{
	struct patience p = {.ns = PATIENCE_FIRST_NS};
	assert_false(patience_is_over(&p, 1000));
	assert_true(patience_is_over(&p, 1000 + PATIENCE_FIRST_NS));
	assert_true(patience_is_over(&p, 100000000));
	assert_int_equal(p.ns, PATIENCE_FIRST_NS);
	patience_reward(&p, 100001000);
	assert_int_equal(p.ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_grows_with_packets_that_come_soon),
		cmocka_unit_test(test_it_ends_with_packets_that_come_late),
		cmocka_unit_test(test_waking_up_is_no_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
