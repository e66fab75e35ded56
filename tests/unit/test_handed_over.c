// SPDX-License-Identifier: BSD-2-Clause
/* What another daemon has taken over is not changed by the one before, which ends in a moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The engine's part, and the kernel's, are doubles. */
#define engine_publish    double_publish
#define engine_snapshot   double_snapshot
#define engine_port_count double_port_count
#define next_hops_get     double_next_hop

#include "tools/weir/daemon.c"

#include "tests/unit/fixture.h"
#include "tools/weir/offline.h"

static int publishes;
static const struct snapshot *in_force;

/* --- doubles ---------------------------------------------------------------------------------- */

int engine_publish(struct engine *e, struct snapshot *s, struct policy_stage *policy,
		   struct err *err)
{
	publishes++;
	snapshot_free(s);
	return 0;
}

const struct snapshot *engine_snapshot(const struct engine *e)
{
	return in_force;
}

uint32_t engine_port_count(const struct engine *e)
{
	return 0;
}

void next_hops_get(const struct next_hops *n, uint32_t id, struct next_hop *hop)
{
	*hop = (struct next_hop){};
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void test_handed_over(void **state)
{
	struct offline o;
	struct err err;
	fixture_open(&o, "interfaces: [{name: eth0}]\n"
			 "services:\n"
			 "  - {name: web, address: 203.0.113.10, protocol: tcp, ports: 80,\n"
			 "     backends: [{name: b1, address: 10.0.0.11}]}\n");
	struct daemon d = {.config = o.config, .services = o.services, .backends = o.backends};
	in_force = o.snapshot;
	assert_int_equal(daemon_publish(&d, &err), 0);
	assert_int_equal(publishes, 1);
	d.handed_to = 4711;
	assert_int_equal(daemon_publish(&d, &err), 0);
	assert_int_equal(publishes, 1);
	offline_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_handed_over)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
