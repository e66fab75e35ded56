// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bursts of packets through lb_process(), with time going on and other configurations put in force
 * between them, as the bytes say. The ledger must add up, what is forwarded must go to a backend
 * that can take it, and what is passed must be as it came.
 *
 * The configurations' snapshots are built once, in one row of reloads, so that names come, go and
 * give their ids to others.
 */
#include <stdbool.h>
#include <string.h>

#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/checksums.h"
#include "lb/config.h"
#include "lb/process.h"
#include "lb/fragments.h"
#include "lb/held.h"
#include "lb/snapshot.h"
#include "lb/snapshot_snat.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/dice.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"
#include "tests/unit/packet_random.h"
#include "tools/weir/offline.h"

#define STEPS_MAX   64
#define NAT         "nat: {addresses: [192.0.2.200, \"2001:db8:9::200\"], ports: 5000-5000}\n"
#define SMALL_TABLE "interfaces: [{name: eth0}, {name: eth1}]\nflow_table: {entries: 1024}\n"

static const char *const configurations[] = {
	/* The addresses of tests/unit/packet_random.c. */
	SMALL_TABLE NAT
	"services:\n"
	"  - {name: web, address: 203.0.113.10, protocol: tcp, ports: [80, 443, 8000-8009],\n"
	"     announce: neighbor, backends: [{name: b1, address: 10.0.0.11},\n"
	"     {name: b2, address: 10.0.0.12}, {name: b3, address: 10.0.0.13, weight: 1}]}\n"
	"  - {name: dns, address: 203.0.113.10, protocol: udp, ports: 53,\n"
	"     backends: [{name: d1, address: 10.0.0.53}]}\n"
	"  - {name: quiet, address: 203.0.113.11, protocol: udp, ports: any,\n"
	"     backends: [{name: q1, address: 10.0.0.12}]}\n"
	"  - {name: web6, address: \"2001:db8:1::10\", protocol: tcp, ports: [80, 443],\n"
	"     announce: neighbor, backends: [{name: b6, address: \"2001:db8:2::11\"}]}\n"
	"  - {name: dns6, address: \"2001:db8:1::10\", protocol: udp, ports: any,\n"
	"     backends: [{name: d6, address: \"2001:db8:2::53\"}]}\n"
	"  - {name: checked, address: 203.0.113.19, protocol: udp, ports: 53,\n"
	"     verify_checksums: true, backends: [{name: c1, address: 10.0.0.24}]}\n"
	"  - {name: checked6, address: \"2001:db8:1::19\", protocol: tcp, ports: 80,\n"
	"     verify_checksums: true, backends: [{name: c1, address: \"2001:db8:2::19\"}]}\n"
	"  - {name: nat44, address: 203.0.113.60, protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: 10.0.0.60}]}\n"
	"  - {name: nat44t, address: 203.0.113.60, protocol: tcp, ports: 80, forward: nat,\n"
	"     mss_clamp: path, backends: [{name: b, address: 10.0.0.61, port: 8080}]}\n"
	"  - {name: nat46, address: 203.0.113.61, protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: \"2001:db8:2::62\"}]}\n"
	"  - {name: nat46t, address: 203.0.113.61, protocol: tcp, ports: 80, forward: nat,\n"
	"     backends: [{name: b, address: \"2001:db8:2::63\", port: 8080}]}\n"
	"  - {name: nat66, address: \"2001:db8:1::60\", protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: \"2001:db8:2::60\"}]}\n"
	"  - {name: nat64, address: \"2001:db8:1::61\", protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: 10.0.0.62}]}\n"
	"  - {name: nat64t, address: \"2001:db8:1::61\", protocol: tcp, ports: 80, forward: nat,\n"
	"     mss_clamp: 536, backends: [{name: b, address: 10.0.0.63, port: 8080}]}\n",
	/* Some are down, draining or gone. */
	SMALL_TABLE NAT
	"services:\n"
	"  - {name: web, address: 203.0.113.10, protocol: tcp, ports: [80, 443],\n"
	"     announce: neighbor, backends: [{name: b1, address: 10.0.0.11, state: drain},\n"
	"     {name: b2, address: 10.0.0.12, state: down}, {name: b4, address: 10.0.0.14}]}\n"
	"  - {name: quiet, address: 203.0.113.11, protocol: udp, ports: any, backends: []}\n"
	"  - {name: web6, address: \"2001:db8:1::10\", protocol: tcp, ports: 80,\n"
	"     announce: neighbor,\n"
	"     backends: [{name: b6, address: \"2001:db8:2::11\", weight: 0}]}\n"
	"  - {name: nat44, address: 203.0.113.60, protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: 10.0.0.59}, {name: c, address: \"2001:db8:2::62\"}]}\n",
	/* Other services have the addresses, and the ids. */
	SMALL_TABLE
	"services:\n"
	"  - {name: mail, address: 203.0.113.10, protocol: tcp, ports: any,\n"
	"     backends: [{name: m1, address: 10.0.0.25}, {name: m2, address: 10.0.0.26}]}\n"
	"  - {name: sip, address: 203.0.113.11, protocol: tcp, ports: 80,\n"
	"     backends: [{name: s1, address: 10.0.0.60}]}\n"
	"  - {name: dns6, address: \"2001:db8:1::11\", protocol: udp, ports: 53,\n"
	"     announce: neighbor, backends: [{name: d6, address: \"2001:db8:2::53\"}]}\n",
	/* All that a scheduler does, and backends that are down, with each answer to that. */
	SMALL_TABLE
	"services:\n"
	"  - {name: web, address: 203.0.113.10, protocol: tcp, ports: [80, 443], min_up: 2,\n"
	"     scheduler: least-connections, slow_start: 60m, backends: [\n"
	"     {name: b1, address: 10.0.0.11}, {name: b4, address: 10.0.0.14, backup: true}]}\n"
	"  - {name: dns, address: 203.0.113.10, protocol: udp, ports: 53, no_backend: reset,\n"
	"     backends: [{name: d1, address: 10.0.0.53, state: down}]}\n"
	"  - {name: quiet, address: 203.0.113.11, protocol: udp, ports: any, no_backend: pass,\n"
	"     backends: []}\n"
	"  - {name: web6, address: \"2001:db8:1::10\", protocol: tcp, ports: [80, 443],\n"
	"     no_backend: reset, backends: []}\n"
	"  - {name: dns6, address: \"2001:db8:1::10\", protocol: udp, ports: any,\n"
	"     no_backend: reset, backends: []}\n",
	/* Nothing. */
	SMALL_TABLE "services: []\n",
};
#define CONFIGURATIONS (sizeof(configurations) / sizeof(configurations[0]))

static struct offline balancer;
static struct snapshot *snapshots[CONFIGURATIONS];

static void open_balancer(void)
{
	fixture_open(&balancer, configurations[0]);
	/* One that is known only later. */
	balancer.next_hops[fixture_backend(&balancer, "dns/d1")].known = false;
	fixture_publish(&balancer);
	for (size_t i = 0; i < CONFIGURATIONS; i++) {
		if (i)
			fixture_reload(&balancer, configurations[i]);
		snapshots[i] = balancer.snapshot;
		balancer.snapshot = NULL;
	}
}

static void forget_taken(const struct snapshot *s)
{
	struct snapshot_snat *snat = s->snat;
	for (uint32_t id = 0; id < snat->count; id++) {
		if (!snat->taken[id])
			continue;
		const struct backend *b = &s->backends[id];
		snat_taken_free(snat->taken[id]);
		snat->taken[id] = snat_taken_new(&snat->pools[!addr_is_v4(&b->way.remote)]);
		FUZZ_EXPECT(snat->taken[id]);
	}
}

/* As if it had been opened just now, but for the counters. */
static void reset_balancer(uint32_t insert_limit)
{
	if (!snapshots[0])
		open_balancer();
	balancer.snapshot = snapshots[0];
	balancer.now_ns = 0;
	memset(balancer.flows.buckets, 0, (balancer.flows.mask + 1) * sizeof(struct flow_bucket));
	for (size_t i = 0; i < CONFIGURATIONS; i++)
		forget_taken(snapshots[i]);
	fragments_free(balancer.fragments);
	held_free(balancer.held);
	balancer.fragments = fragments_new(&balancer.flows.seed);
	balancer.held = held_new();
	FUZZ_EXPECT(balancer.fragments && balancer.held);
	lb_init(&balancer.lb, &balancer.flows, balancer.counters, insert_limit);
	lb_use_fragments(&balancer.lb, balancer.fragments, balancer.held);
}

/* --- one burst ------------------------------------------------------------------------------- */

struct burst {
	struct lb_packet packets[LB_BURST];
	struct frame before[LB_BURST];
	uint8_t *memory[LB_BURST]; /* a frame with the room around it, and not a byte more */
	unsigned int count;
};

static void add_packet(struct burst *b, struct dice *d)
{
	struct frame *f = &b->before[b->count];
	packet_random(d, f);
	if (dice_once_in(d, 4))
		packet_mutate(d, f);
	uint8_t *memory = malloc(LB_HEADROOM + f->length + LB_TAILROOM);
	FUZZ_EXPECT(memory);
	memcpy(memory + LB_HEADROOM, f->bytes, f->length);
	b->packets[b->count] = (struct lb_packet){
		.data = memory + LB_HEADROOM,
		.length = f->length,
		.ingress = dice_roll(d, balancer.snapshot->port_count),
	};
	b->memory[b->count++] = memory;
}

/* By nat: what was right stays right, and to the backend it goes by the way there is. */
static void expect_translated(const struct lb_packet *p, const struct packet *parsed,
			      const struct frame *before)
{
	const struct backend *b = &balancer.snapshot->backends[p->backend];
	struct packet after = {};
	FUZZ_EXPECT(!parse_packet(p->data, p->data + p->length, &after));
	if (checksums_are_right(before->bytes, before->length, parsed))
		FUZZ_EXPECT(checksums_are_right(p->data, p->length, &after));
	if (!after.icmp && addr_equal(&after.key.destination, &b->way.remote))
		FUZZ_EXPECT(!memcmp(p->data, &b->way.link, sizeof(b->way.link)));
}

static void expect_forwarded(const struct lb_packet *p, const struct frame *before)
{
	const struct snapshot *s = balancer.snapshot;
	FUZZ_EXPECT(p->egress < s->port_count);
	if (p->backend == ABI_NO_BACKEND || p->reason != REASON_NONE)
		return; /* an answer to the sender */
	FUZZ_EXPECT(p->backend < s->backend_end && p->service < s->service_end);
	const struct backend *b = &s->backends[p->backend];
	FUZZ_EXPECT(b->present && b->reachable && b->state != STATE_DOWN);
	FUZZ_EXPECT(b->service == p->service && s->services[p->service].present);
	/* Without tags, and else as it was. */
	struct packet parsed = {};
	FUZZ_EXPECT(!parse_packet(before->bytes, before->bytes + before->length, &parsed));
	if (b->way.forward == FORWARD_NAT) {
		expect_translated(p, &parsed, before);
		return;
	}
	uint32_t tags = parsed.l3_offset - ETH_HLEN;
	FUZZ_EXPECT(p->length == before->length - tags);
	FUZZ_EXPECT(!memcmp(p->data, &b->way.link, sizeof(b->way.link)));
	FUZZ_EXPECT(!memcmp(p->data + sizeof(b->way.link),
			    before->bytes + tags + sizeof(b->way.link),
			    p->length - sizeof(b->way.link)));
}

static void expect_sense(const struct lb_packet *p, const struct frame *before)
{
	FUZZ_EXPECT(p->length <= before->length + LB_TAILROOM);
	if (p->verdict == LB_TRANSMIT)
		expect_forwarded(p, before);
	if (p->verdict == LB_DROP)
		FUZZ_EXPECT(p->reason > REASON_NONE && p->reason < REASON_COUNT);
	if (p->verdict == LB_PASS)
		FUZZ_EXPECT(p->length == before->length &&
			    !memcmp(p->data, before->bytes, p->length));
}

/* Fragments that were held go on, or are dropped. */
static void release(uint64_t now_ns)
{
	struct lb_packet packets[LB_BURST];
	unsigned int count = offline_release(&balancer, packets, LB_BURST, now_ns);
	for (unsigned int i = 0; i < count; i++) {
		const struct lb_packet *p = &packets[i];
		FUZZ_EXPECT(p->verdict == LB_TRANSMIT || p->verdict == LB_DROP);
		FUZZ_EXPECT(p->verdict == LB_DROP || p->backend < balancer.snapshot->backend_end);
	}
}

static void process(struct burst *b, uint64_t now_ns)
{
	offline_process(&balancer, b->packets, b->count, now_ns);
	for (unsigned int i = 0; i < b->count; i++) {
		expect_sense(&b->packets[i], &b->before[i]);
		free(b->memory[i]);
	}
	b->count = 0;
	release(now_ns);
	fixture_expect_ledger(&balancer);
}

/* --- a row of them --------------------------------------------------------------------------- */

static uint64_t some_time(struct dice *d)
{
	static const uint64_t steps_ns[] = {
		0,           1000,        100000000,     1000000000,
		11000000000, 61000000000, 3601000000000, 18000000000000};
	return DICE_PICK(d, steps_ns);
}

static void step(struct burst *b, struct dice *d, uint64_t *now_ns)
{
	uint32_t what = dice_roll(d, 16);
	if (what == 15) {
		balancer.snapshot = DICE_PICK(d, snapshots);
	} else if (what == 14) {
		*now_ns += some_time(d);
	} else {
		for (uint32_t n = dice_roll(d, what < 12 ? 4 : LB_BURST) + 1; n && dice_has_more(d);
		     n--)
			add_packet(b, d);
		process(b, *now_ns);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const uint32_t insert_limits[] = {UINT32_MAX, 1000, 1, 0};
	static struct burst b;
	struct dice d = {.bytes = bytes, .length = length};
	uint64_t now_ns = 0;
	reset_balancer(DICE_PICK(&d, insert_limits));
	for (int i = 0; i < STEPS_MAX && dice_has_more(&d); i++)
		step(&b, &d, &now_ns);
	/* Nothing may stay held: what does is in the books of the next input too. */
	while (lb_held(&balancer.lb))
		release(now_ns += 1000000000);
	balancer.snapshot = NULL;
	return 0;
}
