// SPDX-License-Identifier: BSD-2-Clause
/* Flows stay where they are while the configuration and the health of backends change. */
#include "lb/process.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "lb/registry.h"
#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tools/weir/offline.h"

static void test_flows_stay_when_backends_are_added(void **state)
{
	static const char more[] =
		CLIENT_HEAD CLIENT_WEB CLIENT_B5 CLIENT_B1 CLIENT_B4 CLIENT_B2 CLIENT_B3;
	uint32_t backends[CLIENT_FLOWS], fresh = 0;
	struct offline o, other;
	client_start(&o, client_world);
	client_start(&other, more);
	client_connect_all(&o, backends);
	fixture_reload(&o, more);
	assert_int_equal(client_count_moved(&o, backends), 0);
	/* Those without an entry, on another node say, would be moved: two of five. */
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++) {
		const char *was = registry_name(o.backends, backends[n]);
		const char *is =
			registry_name(other.backends, client_tcp_backend(&other, OLD, n, TCP_ACK));
		fresh += strcmp(was, is) != 0;
	}
	assert_in_range(fresh, CLIENT_FLOWS / 3, CLIENT_FLOWS / 2);
	/* New ones use all five. */
	uint32_t to_b4 = fixture_backend(&o, "web/b4"), seen = 0;
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		seen += client_tcp_backend(&o, NEW, n, TCP_SYN) == to_b4;
	assert_in_range(seen, CLIENT_FLOWS / 6, CLIENT_FLOWS / 4);
	offline_close(&o);
	offline_close(&other);
}

static void test_draining_backend_keeps_its_flows(void **state)
{
	uint32_t backends[CLIENT_FLOWS];
	struct offline o;
	client_start(&o, client_world);
	client_connect_all(&o, backends);
	client_set_state(&o, "b2", STATE_DRAIN);
	assert_int_equal(client_count_moved(&o, backends), 0);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		assert_int_not_equal(client_tcp_backend(&o, NEW, n, TCP_SYN),
				     fixture_backend(&o, "web/b2"));
	offline_close(&o);
}

/* Expects that the flows of one backend went elsewhere, and no others. */
static void expect_moved(struct offline *o, const uint32_t backends[CLIENT_FLOWS], uint32_t gone)
{
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++) {
		uint32_t is = client_tcp_backend(o, OLD, n, TCP_ACK);
		if (backends[n] == gone)
			assert_int_not_equal(is, gone);
		else
			assert_int_equal(is, backends[n]);
	}
}

static void test_dead_backend_loses_its_flows(void **state)
{
	uint32_t backends[CLIENT_FLOWS];
	struct offline o;
	client_start(&o, client_world);
	uint32_t gone = fixture_backend(&o, "web/b2");
	client_connect_all(&o, backends);
	client_set_state(&o, "b2", STATE_DOWN);
	expect_moved(&o, backends, gone);
	/* Their entries went too: nothing but the table of the service leads them back. */
	uint64_t lost = 0;
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		lost += backends[n] == gone;
	assert_int_equal(client_flow_count(&o), CLIENT_FLOWS - lost);
	offline_close(&o);
}

static void test_removed_backend_loses_its_flows(void **state)
{
	uint32_t backends[CLIENT_FLOWS];
	struct offline o;
	client_start(&o, client_world);
	uint32_t gone = fixture_backend(&o, "web/b2");
	client_connect_all(&o, backends);
	fixture_reload(&o, CLIENT_HEAD CLIENT_WEB CLIENT_B1 CLIENT_B3);
	expect_moved(&o, backends, gone);
	offline_close(&o);
}

static void test_removed_service_is_the_kernels(void **state)
{
	struct offline o;
	client_start(&o, client_world);
	assert_int_equal(client_tcp(&o, OLD, 1, TCP_SYN).verdict, LB_TRANSMIT);
	fixture_reload(&o, CLIENT_HEAD CLIENT_DNS CLIENT_B1);
	assert_int_equal(client_tcp(&o, OLD, 1, TCP_ACK).verdict, LB_PASS);
	/* It comes back under another name: the entry's backend is not one of its own. */
	fixture_reload(&o, CLIENT_HEAD
		       "  - {name: www, address: 203.0.113.10, protocol: tcp, ports: 80,\n"
		       "     backends: [{name: w1, address: 10.0.0.9}]}\n");
	assert_int_equal(client_tcp_backend(&o, OLD, 1, TCP_ACK), fixture_backend(&o, "www/w1"));
	offline_close(&o);
}

/* The old service is still there, and its backend too: but the VIP is another's now. */
static void test_port_goes_to_another_service(void **state)
{
	struct offline o;
	client_start(&o, CLIENT_HEAD CLIENT_WEB CLIENT_B1);
	assert_int_equal(client_tcp_backend(&o, OLD, 1, TCP_SYN), fixture_backend(&o, "web/b1"));
	fixture_reload(&o, CLIENT_HEAD
		       "  - {name: web, address: 203.0.113.20, protocol: tcp, ports: 80,\n"
		       "     backends: [{name: b1, address: 10.0.0.1}]}\n"
		       "  - {name: www, address: 203.0.113.10, protocol: tcp, ports: 80,\n"
		       "     backends: [{name: w1, address: 10.0.0.9}]}\n");
	assert_int_equal(client_tcp_backend(&o, OLD, 1, TCP_ACK), fixture_backend(&o, "www/w1"));
	offline_close(&o);
}

static void test_last_backend_dies(void **state)
{
	struct offline o;
	client_start(&o, CLIENT_HEAD CLIENT_WEB CLIENT_B1);
	assert_int_equal(client_tcp(&o, OLD, 1, TCP_SYN).verdict, LB_TRANSMIT);
	client_set_state(&o, "b1", STATE_DOWN);
	struct lb_packet p = client_tcp(&o, OLD, 1, TCP_ACK);
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, REASON_NO_BACKEND);
	assert_int_equal(p.backend, ABI_NO_BACKEND);
	client_set_state(&o, "b1", STATE_UP);
	assert_int_equal(client_tcp(&o, OLD, 1, TCP_ACK).verdict, LB_TRANSMIT);
	offline_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_stay_when_backends_are_added),
		cmocka_unit_test(test_draining_backend_keeps_its_flows),
		cmocka_unit_test(test_dead_backend_loses_its_flows),
		cmocka_unit_test(test_removed_backend_loses_its_flows),
		cmocka_unit_test(test_removed_service_is_the_kernels),
		cmocka_unit_test(test_port_goes_to_another_service),
		cmocka_unit_test(test_last_backend_dies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
