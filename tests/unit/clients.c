// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/clients.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"
#include "tools/weir/offline.h"

#define SECOND 1000000000ull

const char client_world[] = CLIENT_HEAD CLIENT_WEB CLIENT_B1 CLIENT_B2 CLIENT_B3 CLIENT_DNS
	CLIENT_B1 CLIENT_B2 CLIENT_B3;
uint64_t client_now_ns;

struct lb_packet client_send(struct offline *o, struct frame *f)
{
	struct lb_packet p = {.data = f->bytes, .length = f->length};
	offline_process(o, &p, 1, client_now_ns);
	fixture_expect_ledger(o);
	return p;
}

void client_build(struct frame *f, enum clients list, uint32_t n, uint8_t protocol, uint8_t flags)
{
	char from[32];
	snprintf(from, sizeof(from), "198.%u.%u.%u", list, n >> 8 & 255, n & 255);
	struct recipe r = {
		.from = from,
		.to = "203.0.113.10",
		.protocol = protocol,
		.from_port = 1024 + (n >> 16),
		.to_port = protocol == IPPROTO_TCP ? 80 : 53,
		.tcp_flags = flags,
	};
	packet_build(&r, f);
}

struct lb_packet client_tcp(struct offline *o, enum clients list, uint32_t n, uint8_t flags)
{
	struct frame f;
	client_build(&f, list, n, IPPROTO_TCP, flags);
	return client_send(o, &f);
}

struct lb_packet client_udp(struct offline *o, enum clients list, uint32_t n)
{
	struct frame f;
	client_build(&f, list, n, IPPROTO_UDP, 0);
	return client_send(o, &f);
}

uint32_t client_tcp_backend(struct offline *o, enum clients list, uint32_t n, uint8_t flags)
{
	struct lb_packet p = client_tcp(o, list, n, flags);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	return p.backend;
}

uint32_t client_udp_backend(struct offline *o, enum clients list, uint32_t n)
{
	struct lb_packet p = client_udp(o, list, n);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	return p.backend;
}

void client_start(struct offline *o, const char *yaml)
{
	client_now_ns = 1000 * SECOND;
	fixture_open(o, yaml);
}

void client_set_state(struct offline *o, const char *name, enum config_state state)
{
	for (unsigned int i = 0; i < o->config->service_count; i++)
		for (unsigned int j = 0; j < o->config->services[i].backend_count; j++)
			if (!strcmp(o->config->services[i].backends[j].name, name))
				o->config->services[i].backends[j].state = state;
	fixture_publish(o);
}

struct flow_sweep client_flows(struct offline *o)
{
	struct flow_sweep seen = {0};
	uint64_t position = 0;
	flow_table_sweep(&o->flows, &position, UINT64_MAX, NULL, o->now_ns, &seen);
	return seen;
}

uint64_t client_flow_count(struct offline *o)
{
	struct flow_sweep seen = client_flows(o);
	uint64_t sum = 0;
	for (int state = 0; state < FLOW_STATES; state++)
		sum += seen.entries[state];
	return sum;
}

void client_connect_all(struct offline *o, uint32_t backends[CLIENT_FLOWS])
{
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++) {
		backends[n] = client_tcp_backend(o, OLD, n, TCP_SYN);
		assert_int_equal(client_tcp_backend(o, OLD, n, TCP_ACK), backends[n]);
	}
}

unsigned int client_count_moved(struct offline *o, const uint32_t backends[CLIENT_FLOWS])
{
	unsigned int moved = 0;
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		moved += client_tcp_backend(o, OLD, n, TCP_ACK | TCP_PSH) != backends[n];
	return moved;
}
