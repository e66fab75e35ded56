// SPDX-License-Identifier: BSD-2-Clause
/*
 * Snapshots are published while workers decide by them, as the engine and its workers do it
 * (datapath/grace.h): every one is used by all of them, each packet is decided by a whole one, and
 * none is freed while it is in use. What is missing AddressSanitizer and ThreadSanitizer see.
 */
#include "datapath/grace.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/snapshot.h"
#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tools/weir/offline.h"

#define WORKERS      3
#define PUBLICATIONS 200
#define FLOWS        64u
#define REST         16 /* turns between two times offline */

static struct snapshot *published;
static bool stop;

struct worker {
	pthread_t thread;
	struct lb lb;
	uint32_t number;
	uint32_t generation; /* of the snapshot it has used last */
	uint64_t wrong;      /* packets */
};

/* A packet of a flow that other workers see too goes to a backend that its snapshot has. */
static bool decides_well(struct worker *w, const struct snapshot *s, uint32_t flow)
{
	struct frame f;
	client_build(&f, NEW, flow % FLOWS, IPPROTO_UDP, 0);
	struct lb_packet p = {.data = f.bytes, .length = f.length};
	lb_process(&w->lb, s, &p, 1, client_now_ns);
	return p.verdict == LB_TRANSMIT && p.backend < s->backend_end &&
	       s->backends[p.backend].present && s->backends[p.backend].reachable;
}

static void *work(void *argument)
{
	struct worker *w = argument;
	grace_begin();
	for (uint32_t turn = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); turn++) {
		const struct snapshot *s = grace_read(&published);
		w->wrong += !decides_well(w, s, turn);
		__atomic_store_n(&w->generation, s->generation, __ATOMIC_RELAXED);
		grace_turn();
		if (turn % REST)
			continue;
		grace_offline();
		sched_yield();
		grace_online();
	}
	grace_end();
	return NULL;
}

/* The next one, in which the first backend is up, or drained. */
static struct snapshot *make_next(struct offline *o, const struct snapshot *before)
{
	struct snapshot *s;
	struct err err;
	o->config->services[0].backends[0].state = before->generation % 2 ? STATE_DRAIN : STATE_UP;
	const struct snapshot_input in = {
		.config = o->config,
		.services = o->services,
		.backends = o->backends,
		.next_hops = o->next_hops,
		.port_macs = (const uint8_t(*)[ETH_ALEN])o->port_macs,
		.port_count = o->config->interface_count,
		.generation = before->generation + 1,
		.now_ns = client_now_ns,
	};
	if (snapshot_new(&in, before, &s, &err))
		fail_msg("%s", err.text);
	return s;
}

static void replace(struct offline *o)
{
	struct snapshot *before = published, *next = make_next(o, before);
	grace_publish(&published, next);
	grace_wait();
	snapshot_free(before);
}

static void await(struct worker *w, uint32_t generation)
{
	while (__atomic_load_n(&w->generation, __ATOMIC_RELAXED) != generation)
		sched_yield();
}

static void test_workers_and_publications(void **state)
{
	struct offline o;
	struct worker workers[WORKERS] = {};
	client_start(&o, CLIENT_HEAD CLIENT_DNS CLIENT_B1 CLIENT_B2 CLIENT_B3);
	published = o.snapshot;
	o.snapshot = NULL;
	for (int i = 0; i < WORKERS; i++) {
		struct lb_counters *counters = calloc(1, sizeof(*counters));
		lb_init(&workers[i].lb, &o.flows, counters, 0);
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int n = 0; n < PUBLICATIONS; n++) {
		replace(&o);
		for (int i = 0; i < WORKERS; i++)
			await(&workers[i], published->generation);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].wrong, 0);
		free(workers[i].lb.counters);
	}
	o.snapshot = published;
	offline_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_workers_and_publications)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
