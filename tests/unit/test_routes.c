// SPDX-License-Identifier: BSD-2-Clause
/*
 * Routes of VIPs as `ip route` sees them (see netns.h). Skipped where namespaces are not allowed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ev.h>

#include "lb/err.h"
#include "lb/prefix.h"
#include "tests/unit/netns.h"
#include "tools/weir/routes.h"

#define TABLE      4711 /* more than eight bits */
#define WAIT_S     20.  /* nothing takes that long; a test that waits for it has failed */
#define DAMPING_MS 50

struct fixture {
	struct netns net;
	struct ev_loop *loop;
	struct routes *routes;
	struct route_wanted vips[3]; /* 203.0.113.10, 2001:db8::10, 198.51.100.0/28 */
};

static int setup(void **state)
{
	static const char *const texts[] = {"203.0.113.10", "2001:db8::10", "198.51.100.0/28"};
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	if (!netns_allowed())
		return 0;
	assert_int_equal(netns_open(&f->net), 0);
	f->loop = ev_loop_new(0);
	for (int i = 0; i < 3; i++) {
		prefix_parse(texts[i], &f->vips[i].base, &f->vips[i].length);
		f->vips[i].well = true;
	}
	return routes_open(&f->routes, f->loop, TABLE, -1, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (netns_allowed()) {
		routes_close(f->routes, false);
		ev_loop_destroy(f->loop);
		netns_close(&f->net);
	}
	free(f);
	return 0;
}

/* What the table has, white space at the ends of lines cut: both families. */
static const char *table_text(struct fixture *f)
{
	static char text[4096];
	netns_read(f->net.here,
		   "{ ip -4 route show table 4711; ip -6 route show table 4711; } 2>/dev/null | "
		   "sed 's/ dev lo//; s/ metric 1024//; s/ pref medium//; s/ *$//'",
		   text, sizeof(text));
	return text;
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	fail_msg("waited for %g s", WAIT_S);
}

static void on_poll(struct ev_loop *loop, ev_timer *timer, int events)
{
}

/* Runs the loop until the table is so. */
static void await(struct fixture *f, const char *wanted)
{
	ev_timer late, poll;
	ev_timer_init(&late, on_late, WAIT_S, 0.);
	ev_timer_init(&poll, on_poll, 0.02, 0.02);
	ev_now_update(f->loop);
	ev_timer_start(f->loop, &late);
	ev_timer_start(f->loop, &poll);
	while (strcmp(table_text(f), wanted))
		ev_run(f->loop, EVRUN_ONCE);
	ev_timer_stop(f->loop, &late);
	ev_timer_stop(f->loop, &poll);
}

static void set(struct fixture *f, uint32_t count)
{
	routes_set(f->routes, f->vips, count, DAMPING_MS);
}

static enum route_state state_of(struct fixture *f, int vip)
{
	struct route_view v;
	assert_true(routes_look(f->routes, &f->vips[vip].base, f->vips[vip].length, &v));
	return v.state;
}

#define VIP4   "blackhole 203.0.113.10 proto 87\n"
#define VIP6   "blackhole 2001:db8::10 proto 87\n"
#define PREFIX "blackhole 198.51.100.0/28 proto 87\n"

static void test_there_while_well(void **state)
{
	struct fixture *f = netns_or_skip(state);
	set(f, 3);
	assert_string_equal(table_text(f), PREFIX VIP4 VIP6);
	f->vips[0].well = false;
	set(f, 3);
	assert_string_equal(table_text(f), PREFIX VIP6);
	assert_int_equal(state_of(f, 0), ROUTE_WITHDRAWN);
	assert_int_equal(state_of(f, 1), ROUTE_ANNOUNCED);
	f->vips[0].well = true;
	set(f, 3);
	assert_string_equal(table_text(f), PREFIX VIP6);
	assert_int_equal(state_of(f, 0), ROUTE_HELD);
	await(f, PREFIX VIP4 VIP6);
	set(f, 1);
	assert_string_equal(table_text(f), VIP4);
	routes_withdraw(f->routes);
	assert_string_equal(table_text(f), "");
	set(f, 3);
	assert_string_equal(table_text(f), "");
}

/* One VIP of two services: it is there while one is well. */
static void test_twice(void **state)
{
	struct fixture *f = netns_or_skip(state);
	f->vips[1] = f->vips[0];
	f->vips[1].well = false;
	set(f, 2);
	assert_string_equal(table_text(f), VIP4);
	f->vips[0].well = false;
	set(f, 2);
	assert_string_equal(table_text(f), "");
}

static void test_removed_by_others(void **state)
{
	struct fixture *f = netns_or_skip(state);
	set(f, 2);
	netns_run(f->net.here, "ip route flush table 4711");
	await(f, VIP4 VIP6);
	netns_run(f->net.here, "ip -6 route flush table 4711");
	await(f, VIP4 VIP6);
}

static void test_anothers_route(void **state)
{
	struct fixture *f = netns_or_skip(state);
	struct route_view v;
	netns_run(f->net.here,
		  "ip route add 203.0.113.10 via 10.0.0.11 proto static metric 5 table 4711");
	set(f, 2);
	assert_string_equal(table_text(f),
			    "203.0.113.10 via 10.0.0.11 dev nh0 proto static metric 5\n" VIP6);
	assert_true(routes_look(f->routes, &f->vips[0].base, f->vips[0].length, &v));
	assert_int_equal(v.state, ROUTE_BLOCKED);
	assert_string_equal(v.why, "there is one of protocol static: 'ip route del "
				   "203.0.113.10/32 table 4711'");
	netns_run(f->net.here, "ip route del 203.0.113.10/32 table 4711");
	await(f, VIP4 VIP6);
	assert_int_equal(state_of(f, 0), ROUTE_ANNOUNCED);
}

/* Of a daemon that left them or was killed: what is wanted stays, the rest goes; others' stay. */
static void test_leftovers(void **state)
{
	struct fixture *f = netns_or_skip(state);
	set(f, 3);
	routes_close(f->routes, true);
	assert_string_equal(table_text(f), PREFIX VIP4 VIP6);
	netns_run(f->net.here, "ip route add blackhole 192.0.2.1 proto static table 4711");
	assert_int_equal(routes_open(&f->routes, f->loop, TABLE, -1, NULL), 0);
	f->vips[1].well = false; /* not known yet */
	set(f, 2);
	assert_string_equal(table_text(f), "blackhole 192.0.2.1 proto static\n" VIP4 VIP6);
	await(f, "blackhole 192.0.2.1 proto static\n" VIP4);
	assert_int_equal(state_of(f, 1), ROUTE_WITHDRAWN);
}

static void test_one_daemon_a_table(void **state)
{
	struct fixture *f = netns_or_skip(state);
	struct routes *second = NULL;
	struct err err;
	assert_int_equal(routes_open(&second, f->loop, TABLE, -1, &err), -EADDRINUSE);
	assert_string_equal(err.text, "announce.table: table 4711 is that of another Weir in this "
				      "network namespace; give each a table of its own");
	assert_int_equal(routes_open(&second, f->loop, TABLE + 1, -1, &err), 0);
	routes_close(second, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_while_well, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed_by_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_anothers_route, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_daemon_a_table, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
