// SPDX-License-Identifier: BSD-2-Clause
/* GET /v1/flows over a real socket, of flow tables that are written down here. */
#include "tools/weir/state_flows.h"

#include "tests/unit/api_talk.h"
#include "tests/unit/daemon_double.h"
#include "tools/weir/client.h"

#define FLOW_1                                                                                 \
	"{'client': '192.0.2.1', 'client_port': 1001, 'vip': '203.0.113.10', 'vip_port': 443," \
	" 'protocol': 'tcp', 'state': 'established', 'service': 'web', 'backend': 'b1',"       \
	" 'idle_s': 0}"
#define FLOW_2                                                                                    \
	"{'client': '2001:db8:1::2', 'client_port': 1002, 'vip': '2001:db8::53', 'vip_port': 53," \
	" 'protocol': 'udp', 'state': 'udp', 'service': 'dns', 'backend': 'b1', 'idle_s': 3}"
#define FLOW_3                                                                                \
	"{'client': '192.0.2.3', 'client_port': 1003, 'vip': '203.0.113.10', 'vip_port': 80," \
	" 'protocol': 'tcp', 'state': 'handshake', 'service': 'web', 'backend': 'b2',"        \
	" 'idle_s': 60}"
#define FLOW_4                                                                                \
	"{'client': '192.0.2.4', 'client_port': 1004, 'vip': '203.0.113.10', 'vip_port': 80," \
	" 'protocol': 'tcp', 'state': 'closing', 'service': null, 'backend': null, 'idle_s': 1}"

/* As FLOW_1 to FLOW_4: two in one bucket, the last of a backend whose name is gone. */
static void make_flows(void)
{
	const char *vip = "203.0.113.10";
	assert_int_equal(registry_assign(d.backends, "dns/b1"), 3);
	assert_int_equal(registry_assign(d.backends, "we/b1"), 4);
	flow_table_empty(4);
	flow_table_add(0, 1, "192.0.2.1", vip, 443, FLOW_ESTABLISHED, 0, 0);
	flow_table_add(2, 2, "2001:db8:1::2", "2001:db8::53", 53, FLOW_UDP, 3, 3);
	flow_table_add(2, 3, "192.0.2.3", vip, 80, FLOW_HANDSHAKE, 1, 60);
	flow_table_add(3, 4, "192.0.2.4", vip, 80, FLOW_CLOSING, 7, 1);
}

static void forget_flows(void)
{
	registry_release(d.backends, 3);
	registry_release(d.backends, 4);
	flow_table_empty(4);
}

static void test_flows(void **state)
{
	expect("/v1/flows", "{'flows': [], 'truncated': false}");
	make_flows();
	expect("/v1/flows", "{'flows': [" FLOW_1 "," FLOW_2 "," FLOW_3 "," FLOW_4 "],"
			    " 'truncated': false}");
	expect("/v1/flows?service=web", "{'flows': [" FLOW_1 "," FLOW_3 "], 'truncated': false}");
	expect("/v1/flows?backend=b1", "{'flows': [" FLOW_1 "," FLOW_2 "], 'truncated': false}");
	expect("/v1/flows?backend=dns/b1", "{'flows': [" FLOW_2 "], 'truncated': false}");
	expect("/v1/flows?backend=b1&service=web", "{'flows': [" FLOW_1 "], 'truncated': false}");
	expect("/v1/flows?backend=b3", "{'flows': [], 'truncated': false}");
	expect("/v1/flows?limit=1", "{'flows': [" FLOW_1 "], 'truncated': true}");
	expect("/v1/flows?limit=2&service=web",
	       "{'flows': [" FLOW_1 "," FLOW_3 "], 'truncated': false}");
	expect("/v1/flows?limit=4", "{'truncated': false}");
	/* A service whose name begins another's. */
	flow_table_empty(4);
	flow_table_add(0, 1, "192.0.2.1", "203.0.113.10", 443, FLOW_ESTABLISHED, 4, 0);
	expect("/v1/flows?service=web", "{'flows': []}");
	forget_flows();
}

/* A connection by nat is one flow, with what its backend sees. */
static void test_nat_flows(void **state)
{
	flow_table_empty(4);
	flow_table_add(0, 1, "192.0.2.1", "203.0.113.10", 443, FLOW_ESTABLISHED, 0, 0);
	flow_table_add_nat(1, 7, "2001:db8::5", "2001:db8:1::10", 443, 0);
	expect("/v1/flows",
	       "{'flows': [" FLOW_1 ", {'client': '2001:db8::5', 'client_port': 1007,"
	       " 'vip': '2001:db8:1::10', 'vip_port': 443, 'protocol': 'tcp',"
	       " 'state': 'established', 'service': 'web', 'backend': 'b1', 'idle_s': 0,"
	       " 'nat': {'snat': '10.0.0.200', 'snat_port': 7, 'backend': '10.0.0.11',"
	       " 'backend_port': 8443}}], 'truncated': false}");
	expect("/v1/flows?limit=2", "{'truncated': false}");
	flow_table_empty(4);
}

static void test_wrong_flows(void **state)
{
	static const struct {
		const char *request, *status, *part;
	} rows[] = {
		{REQUEST("GET /v1/flows?service=wbe"), "404",
		 "there is no service \\\"wbe\\\"; did you mean web?\"}"},
		{REQUEST("GET /v1/flows?service=we"), "404", "no service"},
		{REQUEST("GET /v1/flows?backend=sluice"), "404",
		 "there is no backend \\\"sluice\\\"; 'weir show backends' lists them all"},
		{REQUEST("GET /v1/flows?backend=dns/b2"), "404", "no backend \\\"dns/b2\\\""},
		{REQUEST("GET /v1/flows?service=dns&backend=b2"), "404", "\\\"dns/b2\\\""},
		{REQUEST("GET /v1/flows?service=web&backend=web/b1"), "400",
		 "service is given twice"},
		{REQUEST("GET /v1/flows?backend=b1&backend=b2"), "400", "backend is given twice"},
		{REQUEST("GET /v1/flows?backend=web/"), "400", "is no name"},
		{REQUEST("GET /v1/flows?backend=/b1"), "400", "is no name"},
		{REQUEST("GET /v1/flows?service="), "400", "is no name"},
		{REQUEST("GET /v1/flows?service=%ff"), "404", "not UTF-8"},
		{REQUEST("GET /v1/flows?limit=0"), "400", "limit \\\"0\\\" is not a number from 1"},
		{REQUEST("GET /v1/flows?limit"), "400", "limit"},
		{REQUEST("GET /v1/flows?colour=red"), "400", "known are: service backend limit"},
		{REQUEST("POST /v1/flows"), "405", "Allow: GET, HEAD\r\n"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char request[256];
		snprintf(request, sizeof(request), "%s\r\n", rows[i].request);
		expect_answer(request, rows[i].status, rows[i].part);
	}
}

/* More than fits into one part: every flow is there once. */
static void test_many_flows(void **state)
{
	enum { BUCKETS = 4096, COUNT = 4 * BUCKETS };
	static bool seen[COUNT];
	struct err err;
	json_t *answer, *flow;
	size_t i;
	flow_table_empty(BUCKETS);
	for (int n = 0; n < COUNT; n++)
		flow_table_add(n % BUCKETS, n, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff",
			       "2001:db8::10", 443, FLOW_ESTABLISHED, n % 3, 0);
	assert_int_equal(client_get(socket_path, "/v1/flows", &answer, &err), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "flows")), COUNT);
	json_array_foreach(json_object_get(answer, "flows"), i, flow)
	{
		int n = json_integer_value(json_object_get(flow, "client_port")) - 1000;
		assert_in_range(n, 0, COUNT - 1);
		assert_false(seen[n]);
		seen[n] = true;
	}
	json_decref(answer);
	flow_table_empty(4);
}

/* How many chunks a body came in (RFC 9112, 7.1), which are the parts the answer was made in. */
static int count_chunks(const char *answer)
{
	char *at = strstr(answer, "\r\n\r\n") + 4;
	for (int count = 0;; count++) {
		size_t length = strtoul(at, &at, 16);
		if (!length)
			return count;
		at += length + 4;
	}
}

/* The control thread does other work between two parts, flows or none. */
static void test_large_table_is_read_in_parts(void **state)
{
	flow_table_empty(64 * 1024);
	flow_table_add(64 * 1024 - 1, 1, "192.0.2.1", "203.0.113.10", 443, FLOW_ESTABLISHED, 0, 0);
	const char *answer = talk(REQUEST("GET /v1/flows?backend=b1") "\r\n");
	assert_non_null(strstr(answer, "\"192.0.2.1\""));
	assert_in_range(count_chunks(answer), 64, 65);
	assert_in_range(count_chunks(talk(REQUEST("GET /v1/flows?backend=b2") "\r\n")), 64, 65);
	flow_table_empty(4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_nat_flows),
		cmocka_unit_test(test_wrong_flows),
		cmocka_unit_test(test_many_flows),
		cmocka_unit_test(test_large_table_is_read_in_parts),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
