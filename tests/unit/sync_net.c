// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/sync_net.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tests/unit/fixture.h"

#define SECOND 1000000000ull

static const uint32_t timeouts[FLOW_STATES] = {
	[FLOW_HANDSHAKE] = 10, [FLOW_ESTABLISHED] = 3600, [FLOW_CLOSING] = 30, [FLOW_UDP] = 60};

static void open_node(struct net_node *n, unsigned int index, uint32_t entries)
{
	struct flow_seed seed;
	char name[16];
	size_t bytes = flow_table_bytes(entries);
	void *memory = aligned_alloc(64, bytes);
	assert_non_null(memory);
	memset(memory, 0, bytes);
	for (int i = 0; i < FLOW_SEED_WORDS; i++)
		seed.k[i] = flow_mix(index * 100 + i + 1);
	flow_table_init(&n->flows, memory, entries, &seed, timeouts);
	n->flows.keys = calloc(n->flows.mask + 1, sizeof(*n->flows.keys));
	n->ring = aligned_alloc(64, sizeof(*n->ring));
	memset(n->ring, 0, sizeof(*n->ring));
	snprintf(name, sizeof(name), "n%u", index);
	n->sync = sync_new(&n->flows, name, NET_RATE);
	assert_non_null(n->sync);
	n->member = (struct sync_member){10 + index, 4000 - index};
}

void net_open(struct net *net, uint32_t entries)
{
	*net = (struct net){.now_ns = 100000 * SECOND};
	for (unsigned int i = 0; i < NET_NODES; i++)
		open_node(&net->nodes[i], i, entries);
}

void net_close(struct net *net)
{
	for (unsigned int i = 0; i < NET_NODES; i++) {
		struct net_node *n = &net->nodes[i];
		sync_free(n->sync);
		sync_names_free(n->names);
		registry_free(n->services);
		registry_free(n->backends);
		free(n->flows.buckets);
		free(n->flows.keys);
		free(n->ring);
	}
}

void net_configure(struct net *net, unsigned int node, const char *yaml, unsigned int first)
{
	struct net_node *n = &net->nodes[node];
	struct config *config = fixture_config(yaml);
	struct sync_names *before = n->names;
	char other[32];
	if (!n->backends) {
		n->services = registry_new(64);
		n->backends = registry_new(64);
		for (unsigned int i = 0; i < first; i++) {
			snprintf(other, sizeof(other), "other/b%u", i);
			registry_assign(n->backends, other);
		}
	}
	assert_int_equal(snapshot_assign_ids(config, n->services, n->backends, NULL), 0);
	n->names = sync_names_new(config, n->backends);
	assert_non_null(n->names);
	sync_use(n->sync, n->names);
	sync_names_free(before);
	config_free(config);
}

void net_members(struct net *net, unsigned int bitmap)
{
	struct sync_member members[NET_NODES];
	unsigned int count = 0;
	for (unsigned int i = 0; i < NET_NODES; i++)
		if (bitmap >> i & 1)
			members[count++] = net->nodes[i].member;
	for (unsigned int i = 0; i < NET_NODES; i++) {
		struct net_node *n = &net->nodes[i];
		n->here = bitmap >> i & 1;
		if (n->here)
			sync_members(n->sync, members, count, n->member);
		else
			sync_leave(n->sync);
	}
}

static bool deliver_one(struct net *net, struct net_node *from)
{
	size_t length;
	const uint8_t *bytes = sync_outgoing(from->sync, &length);
	if (!bytes)
		return false;
	net->messages += bytes[5] == SYNC_FLOWS;
	from->told++;
	/* The place may be taken again while it is delivered. */
	uint8_t *copy = malloc(length);
	memcpy(copy, bytes, length);
	sync_sent(from->sync);
	for (unsigned int i = 0; i < NET_NODES; i++)
		if (net->nodes[i].here)
			sync_deliver(net->nodes[i].sync, from->member, copy, length, net->now_ns);
	free(copy);
	return true;
}

void net_run(struct net *net, double seconds)
{
	uint64_t end_ns = net->now_ns + seconds * SECOND;
	for (; net->now_ns < end_ns; net->now_ns += SYNC_TURN_NS) {
		for (unsigned int i = 0; i < NET_NODES; i++) {
			sync_drain(net->nodes[i].sync, net->nodes[i].ring, net->now_ns);
			sync_turn(net->nodes[i].sync, net->now_ns);
		}
		for (bool more = true; more;) {
			more = false;
			for (unsigned int i = 0; i < NET_NODES; i++)
				more |= deliver_one(net, &net->nodes[i]);
		}
	}
}

/* --- flows ----------------------------------------------------------------------------------- */

static struct flow_key key_of(unsigned int number, bool udp)
{
	struct flow_key key = {
		.source_port = htons(number & 0x7fff),
		.destination_port = htons(udp ? 53 : 80),
		.protocol = udp ? IPPROTO_UDP : IPPROTO_TCP,
	};
	char from[ADDR_TEXT];
	snprintf(from, sizeof(from), "192.0.2.%u", 1 + (number >> 15));
	addr_parse(from, &key.source);
	addr_parse(udp ? "203.0.113.53" : "203.0.113.10", &key.destination);
	return key;
}

static uint64_t hash_of(struct net_node *n, unsigned int number, bool udp)
{
	struct flow_key key = key_of(number, udp);
	return flow_hash(&key, &n->flows.seed);
}

static void note(struct net *net, struct net_node *n, unsigned int number,
		 const struct flow_hit *hit, enum flow_state state)
{
	const struct flow_event e = {.key = key_of(number, false),
				     .hash = hash_of(n, number, false),
				     .backend = hit->backend,
				     .state = state};
	assert_true(flow_table_touch(hit, state, net->now_ns));
	flow_ring_put(n->ring, &e);
}

void net_open_flow(struct net *net, unsigned int node, unsigned int number, const char *backend,
		   enum flow_state state)
{
	struct net_node *n = &net->nodes[node];
	bool udp = state == FLOW_UDP;
	struct flow_key key = key_of(number, udp);
	struct flow_hit hit;
	int64_t id = registry_find(n->backends, backend);
	assert_true(id >= 0);
	flow_table_insert(&n->flows, hash_of(n, number, udp), id, udp ? FLOW_UDP : FLOW_HANDSHAKE,
			  net->now_ns, &key);
	if (state != FLOW_ESTABLISHED)
		return;
	if (flow_table_find(&n->flows, hash_of(n, number, false), net->now_ns, &hit))
		note(net, n, number, &hit, FLOW_ESTABLISHED);
}

static void find(struct net *net, struct net_node *n, unsigned int number, bool udp,
		 struct flow_hit *hit)
{
	if (!flow_table_find(&n->flows, hash_of(n, number, udp), net->now_ns, hit))
		fail_msg("flow %u is not known", number);
}

void net_see(struct net *net, unsigned int node, unsigned int number, bool udp)
{
	struct flow_hit hit;
	find(net, &net->nodes[node], number, udp, &hit);
	flow_table_touch(&hit, hit.state, net->now_ns);
}

void net_close_flow(struct net *net, unsigned int node, unsigned int number)
{
	struct flow_hit hit;
	find(net, &net->nodes[node], number, false, &hit);
	note(net, &net->nodes[node], number, &hit, FLOW_CLOSING);
}

void net_lose(struct net *net, unsigned int node, unsigned int number, bool udp)
{
	struct net_node *n = &net->nodes[node];
	struct flow_hit hit;
	find(net, n, number, udp, &hit);
	flow_table_remove(&n->flows, hash_of(n, number, udp), hit.backend);
}

const char *net_backend(struct net *net, unsigned int node, unsigned int number, bool udp,
			enum flow_state *state)
{
	struct net_node *n = &net->nodes[node];
	struct flow_hit hit;
	if (!flow_table_find(&n->flows, hash_of(n, number, udp), net->now_ns, &hit))
		return NULL;
	if (state)
		*state = hit.state;
	return registry_name(n->backends, hit.backend);
}

unsigned int net_known(struct net *net, unsigned int node, unsigned int count, bool udp)
{
	unsigned int known = 0;
	for (unsigned int i = 0; i < count; i++)
		known += net_backend(net, node, i, udp, NULL) != NULL;
	return known;
}
