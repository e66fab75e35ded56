// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whatever the flow table's memory holds, both sides stay inside it and send packets only to
 * backends there are: the memory is shared, and outlives daemons of any quality.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/packet.h"
#include "lb/snapshot.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

#define ROUNDS 200

static struct offline balancer;
static struct xdp_run xdp;
static const char *no_xdp;

static int open_all(void **state)
{
	packet_table_open(&balancer);
	no_xdp = xdp_run_open(&xdp, &balancer);
	return 0;
}

static int close_all(void **state)
{
	xdp_run_close(&xdp);
	offline_close(&balancer);
	return 0;
}

/* Where a packet of the flow goes: anywhere, but often to the backend that the packet names. */
static void fill_translation(const struct packet *p, uint64_t hash, int entry, uint64_t *random)
{
	struct translation *x =
		&balancer.flows.translations[hash & balancer.flows.mask].translation[entry];
	uint32_t id = fixture_random(random) % balancer.snapshot->backend_end;
	for (size_t i = 0; i < sizeof(x->words) / sizeof(x->words[0]); i++)
		x->words[i] = fixture_random(random);
	if (fixture_random(random) % 2)
		x->egress = fixture_random(random) % 4;
	if (fixture_random(random) % 2)
		x->destination = balancer.snapshot->backends[id].way.remote;
}

/*
 * Random words in all of the table, but for the tags of the packet's own flow, which are right as
 * often as not: else hardly any packet would find an entry to believe in.
 */
static void fill_with_garbage(const struct frame *f, uint64_t *random)
{
	struct packet p = {};
	parse_packet(f->bytes, f->bytes + f->length, &p);
	uint64_t hash = flow_hash(&p.key, &balancer.flows.seed);
	struct flow_bucket *own = flow_table_bucket(&balancer.flows, hash);
	uint64_t *word = (uint64_t *)balancer.flows.buckets;
	for (uint64_t i = 0; i < (balancer.flows.mask + 1) * sizeof(*own) / sizeof(*word); i += 61)
		word[i] = fixture_random(random);
	for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++) {
		own->tag[i] = fixture_random(random);
		/* States there may be; translated or not, and which of the two. */
		own->meta[i] = fixture_random(random) & 0xffff00c7;
		if (fixture_random(random) % 2)
			own->tag[i] = flow_tag(hash) | fixture_random(random) % 0x10000;
		if (fixture_random(random) % 2)
			own->tag[i] &= ~0xfff0ull; /* a backend there may be */
	}
	own->sequence = fixture_random(random);
	for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++)
		fill_translation(&p, hash, i, random);
}

static bool is_a_backend(const uint8_t *frame)
{
	for (uint32_t id = 0; id < balancer.snapshot->backend_end; id++) {
		const struct backend *b = &balancer.snapshot->backends[id];
		if (b->present && !memcmp(frame, b->way.link.destination, ETH_ALEN))
			return true;
	}
	return false;
}

static bool is_snat(const char *to)
{
	return to && (!strcmp(to, "192.0.2.200") || !strcmp(to, "2001:db8:9::200"));
}

/* Neighbours and pings, by the program itself. */
static bool is_answered(const struct packet_case *c)
{
	return c->reply.icmp_is_reply || c->in.nd_target || c->in.arp_op;
}

static void test_workers(void **state)
{
	uint64_t random = 1;
	for (size_t i = 0; i < ROUNDS * packet_case_count; i++) {
		struct frame f;
		packet_build(&packet_cases[i % packet_case_count].in, &f);
		fill_with_garbage(&f, &random);
		struct lb_packet p = {.data = f.bytes, .length = f.length};
		offline_process(&balancer, &p, 1, xdp_run_now_ns());
		if (p.verdict != LB_TRANSMIT || p.backend == ABI_NO_BACKEND || p.reason)
			continue;
		/* By nat, answers go wherever their flow says, by a port that there is. */
		assert_true(p.egress < balancer.snapshot->port_count);
		if (!is_snat(packet_cases[i % packet_case_count].in.to))
			assert_true(is_a_backend(p.data));
	}
	fixture_expect_ledger(&balancer);
}

static void test_xdp(void **state)
{
	uint64_t random = 2, repeated = 0;
	if (no_xdp) {
		print_message("# skipped: %s\n", no_xdp);
		skip();
	}
	xdp_run_set_fast_path(&xdp, FAST_PATH_ALWAYS);
	for (size_t i = 0; i < ROUNDS * packet_case_count; i++) {
		const struct packet_case *c = &packet_cases[i % packet_case_count];
		struct frame f, out;
		packet_build(&c->in, &f);
		if (f.length < XDP_RUN_MIN)
			continue;
		fill_with_garbage(&f, &random);
		struct xdp_verdict v = xdp_run_packet(&xdp, &f, &out);
		if (v.outcome != OUTCOME_SENT || is_answered(c) || is_snat(c->in.to))
			continue;
		repeated++;
		assert_true(is_a_backend(out.bytes));
	}
	assert_true(repeated > 0);
	xdp_run_expect_ledger(&xdp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_xdp),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
