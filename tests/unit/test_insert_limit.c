// SPDX-License-Identifier: BSD-2-Clause
/* flow_table.insert_limit: a flood of new flows is forwarded, but not remembered without bound. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tools/weir/offline.h"

#define LIMIT 10000u /* a second */
#define TENTH (LIMIT / 10)

static struct offline o;

static int start(void **state)
{
	client_start(&o, client_world);
	lb_init(&o.lb, &o.flows, o.counters, LIMIT);
	return 0;
}

static int end(void **state)
{
	offline_close(&o);
	return 0;
}

/* New flows at one moment; how many were remembered. */
static uint64_t flood(uint32_t from, uint32_t count)
{
	uint64_t before = o.counters->flow_inserts;
	for (uint32_t n = from; n < from + count; n++)
		client_tcp_backend(&o, NEW, n, TCP_SYN);
	return o.counters->flow_inserts - before;
}

static void test_burst_is_bounded(void **state)
{
	assert_int_equal(flood(0, 5 * TENTH), TENTH + 1);
	assert_int_equal(o.counters->flow_guarded, 5 * TENTH - TENTH - 1);
	assert_int_equal(client_flow_count(&o), TENTH + 1);
}

static void test_rate_is_bounded(void **state)
{
	uint64_t inserted = 0;
	flood(0, 2 * TENTH);
	for (uint32_t ms = 0; ms < 1000; ms++) {
		client_now_ns += 1000000;
		inserted += flood(2 * TENTH + ms * 50, 50);
	}
	assert_int_equal(inserted, LIMIT);
}

static void test_guarded_flows_are_forwarded_alike(void **state)
{
	flood(0, 2 * TENTH);
	for (uint32_t n = 2 * TENTH; n < 3 * TENTH; n++) {
		uint32_t backend = client_tcp_backend(&o, NEW, n, TCP_SYN);
		assert_int_equal(client_tcp_backend(&o, NEW, n, TCP_ACK), backend);
	}
}

static void test_known_flows_cost_nothing(void **state)
{
	client_tcp_backend(&o, OLD, 1, TCP_SYN);
	flood(0, 2 * TENTH);
	uint64_t guarded = o.counters->flow_guarded;
	client_tcp_backend(&o, OLD, 1, TCP_ACK);
	assert_int_equal(o.counters->flow_guarded, guarded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_burst_is_bounded, start, end),
		cmocka_unit_test_setup_teardown(test_rate_is_bounded, start, end),
		cmocka_unit_test_setup_teardown(test_guarded_flows_are_forwarded_alike, start, end),
		cmocka_unit_test_setup_teardown(test_known_flows_cost_nothing, start, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
