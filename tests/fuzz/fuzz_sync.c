// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as what another node says. The first byte says whether magic, version and length are
 * put right, so that what is behind them is got to. Each flow of a message that is read is counted
 * once; no entry names a backend that there is not, and of connections by nat there are both flows,
 * between addresses that are configured. Ways to clients are asked for, and found or not.
 */
#include <stdbool.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/flow_ring.h"
#include "lb/flow_table.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "lb/sync.h"
#include "lb/sync_names.h"
#include "tests/fuzz/fuzz.h"

#define NOW_NS  100000000000000ull
#define ENTRIES 64u

static const char yaml[] =
	"interfaces: [{name: eth0}]\n"
	"nat: {addresses: [192.0.2.200], peers: [192.0.2.201, \"2001:db8:9::200\"]}\n"
	"sync: {group: weir}\n"
	"services:\n"
	"  - {name: web, address: 203.0.113.10, protocol: tcp, ports: 80, backends: "
	"[{name: b1, address: 10.0.0.11}, {name: b2, address: 10.0.0.12}]}\n"
	"  - {name: dns, address: \"2001:db8::10\", protocol: udp, ports: 53, "
	"backends: [{name: d1, address: \"2001:db8::11\"}]}\n"
	"  - {name: app, address: 203.0.113.11, protocol: tcp, ports: 80, forward: nat, backends: "
	"[{name: a1, address: 10.0.0.21, port: 8080}, {name: a2, address: 10.0.0.22}]}\n";
static const struct sync_member self = {1, 100}, other = {2, 200};

static struct sync_names *names_new(void)
{
	struct config *config;
	struct registry *services = registry_new(8), *backends = registry_new(8);
	FUZZ_EXPECT(services && backends);
	FUZZ_EXPECT(!config_parse("fuzz", yaml, strlen(yaml), &config, NULL));
	FUZZ_EXPECT(!snapshot_assign_ids(config, services, backends, NULL));
	struct sync_names *names = sync_names_new(config, backends);
	config_free(config);
	registry_free(services);
	registry_free(backends);
	return names;
}

static void put_header(uint8_t *bytes, size_t length)
{
	if (length < 12)
		return;
	memcpy(bytes, "WEIR\1", 5);
	bytes[6] = bytes[7] = bytes[8] = bytes[9] = 0;
	bytes[10] = length >> 8;
	bytes[11] = length;
}

static void expect_translation(const struct sync_names *names, const struct flow_info *f)
{
	const struct sync_backend *b = sync_names_backend(names, f->backend);
	FUZZ_EXPECT(b->translated == f->translated);
	if (!f->translated)
		return;
	FUZZ_EXPECT(sync_names_has_snat(names,
					f->answers ? &f->key.destination : &f->translation.source));
	FUZZ_EXPECT(
		addr_equal(&b->address, f->answers ? &f->key.source : &f->translation.destination));
}

static void expect_table(const struct flow_table *t, const struct sync_names *names)
{
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	for (uint64_t bucket = 0; bucket <= t->mask; bucket++) {
		unsigned int count = flow_table_read(t, bucket, NOW_NS, flows);
		for (unsigned int i = 0; i < count; i++) {
			FUZZ_EXPECT(sync_names_backend(names, flows[i].backend));
			FUZZ_EXPECT(flow_table_bucket(t, flow_hash(&flows[i].key, &t->seed)) ==
				    &t->buckets[bucket]);
			expect_translation(names, &flows[i]);
		}
	}
}

static bool find_way(void *context, const struct addr *client, struct translation *out)
{
	out->egress = client->word[3] & 1;
	return client->word[3] & 2;
}

/* As if a worker had had answers of every connection. */
static void want_ways(struct sync *s, const struct flow_table *t, struct flow_ring *ring)
{
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	for (uint64_t bucket = 0; bucket <= t->mask; bucket++) {
		unsigned int count = flow_table_read(t, bucket, NOW_NS, flows);
		for (unsigned int i = 0; i < count; i++) {
			const struct flow_event e = {.key = flows[i].key,
						     .hash = flow_hash(&flows[i].key, &t->seed),
						     .backend = flows[i].backend,
						     .state = FLOW_WAY_WANTED};
			flow_ring_put(ring, &e);
		}
	}
	sync_drain(s, ring, NOW_NS);
}

/* Says it, and turns a few times. */
static void hear(struct sync *s, const uint8_t *bytes, size_t length)
{
	const struct sync_counters *c = sync_counters(s);
	struct sync_message m;
	int r = sync_message_parse(bytes, length, &m);
	sync_deliver(s, other, bytes, length, NOW_NS);
	FUZZ_EXPECT(c->malformed + c->other_version == (r != 0));
	if (!r && (m.kind == SYNC_FLOWS || m.kind == SYNC_TRANSLATED))
		FUZZ_EXPECT(c->heard + c->late + c->unknown_backend == m.flow_count);
	FUZZ_EXPECT(c->learned + c->no_room <= c->heard);
	for (int i = 0; i < 3; i++) {
		size_t said;
		sync_turn(s, NOW_NS + i * SYNC_WALK_NS);
		while (sync_outgoing(s, &said)) {
			FUZZ_EXPECT(said <= SYNC_MESSAGE_MAX);
			sync_sent(s);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct flow_seed seed = {{1, 2, 3, 4, 5, 6}};
	static const uint32_t timeouts[FLOW_STATES] = {0, 10, 3600, 30, 60};
	static _Alignas(64) struct flow_bucket buckets[ENTRIES];
	static struct flow_keys keys[ENTRIES];
	static struct flow_translations translations[ENTRIES];
	static struct flow_ring ring;
	static struct sync_names *names;
	const struct sync_member members[] = {self, other};
	struct flow_table table;
	if (!length)
		return 0;
	if (!names)
		names = names_new();
	memset(buckets, 0, sizeof(buckets));
	memset(keys, 0, sizeof(keys));
	flow_table_init(&table, buckets, ENTRIES, &seed, timeouts);
	table.keys = keys;
	table.translations = translations;
	struct sync *s = sync_new(&table, "fuzz", 1000);
	/* Exactly as long: the address sanitizer sees what is read behind it. */
	uint8_t *copy = malloc(length > 1 ? length - 1 : 1);
	FUZZ_EXPECT(s && copy && names);
	memcpy(copy, bytes + 1, length - 1);
	if (bytes[0] & 1)
		put_header(copy, length - 1);
	sync_use(s, names);
	sync_find_ways(s, find_way, NULL);
	sync_members(s, members, 2, self);
	hear(s, copy, length - 1);
	expect_table(&table, names);
	want_ways(s, &table, &ring);
	expect_table(&table, names);
	free(copy);
	sync_free(s);
	return 0;
}
