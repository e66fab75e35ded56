// SPDX-License-Identifier: BSD-2-Clause
/* Where the flow table keeps keys, people see the flows that lb_process() was given. */
#include "lb/process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tools/weir/offline.h"

#define FLOWS      500u
#define FIRST_PORT 10000u

static struct offline balancer;

static int open_balancer(void **state)
{
	packet_table_open(&balancer);
	balancer.flows.keys = calloc(balancer.flows.mask + 1, sizeof(*balancer.flows.keys));
	assert_non_null(balancer.flows.keys);
	return 0;
}

static int close_balancer(void **state)
{
	free(balancer.flows.keys);
	offline_close(&balancer);
	return 0;
}

static void open_flow(uint16_t port)
{
	struct recipe r = {.from = "198.51.100.7",
			   .to = "203.0.113.10",
			   .protocol = IPPROTO_TCP,
			   .from_port = port,
			   .to_port = 443,
			   .tcp_flags = TCP_SYN};
	struct frame f, out;
	packet_build(&r, &f);
	assert_int_equal(packet_judge(&balancer, &f, 0, &out).verdict, LB_TRANSMIT);
}

static void expect_key(const struct flow_key *key, bool seen[FLOWS])
{
	struct flow_key want = {
		.source.word = {0, 0, htonl(0xffff), htonl(0xc6336407)},
		.destination.word = {0, 0, htonl(0xffff), htonl(0xcb00710a)},
		.source_port = key->source_port,
		.destination_port = htons(443),
		.protocol = IPPROTO_TCP,
	};
	uint16_t port = ntohs(key->source_port);
	assert_memory_equal(key, &want, sizeof(want));
	assert_in_range(port, FIRST_PORT, FIRST_PORT + FLOWS - 1);
	assert_false(seen[port - FIRST_PORT]);
	seen[port - FIRST_PORT] = true;
}

static void test_keys_are_those_of_the_flows(void **state)
{
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	bool seen[FLOWS] = {};
	unsigned int count = 0;
	for (uint32_t i = 0; i < FLOWS; i++)
		open_flow(FIRST_PORT + i);
	for (uint64_t bucket = 0; bucket <= balancer.flows.mask; bucket++) {
		unsigned int n = flow_table_read(&balancer.flows, bucket, balancer.now_ns, flows);
		for (unsigned int i = 0; i < n; i++)
			expect_key(&flows[i].key, seen);
		count += n;
	}
	assert_int_equal(count, FLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_those_of_the_flows),
	};
	return cmocka_run_group_tests(tests, open_balancer, close_balancer);
}
