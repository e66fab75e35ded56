// SPDX-License-Identifier: BSD-2-Clause
#include "bench/balancer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"

/* Fixed, so that each run has the same collisions. */
static const struct flow_seed seed = {{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb,
				       0xd6e8feb86659fd93, 0xa0761d6478bd642f, 0xe7037ed1a0b428db}};

static void write_config(FILE *out, enum frames_family family, uint8_t protocol, uint32_t entries)
{
	bool v4 = family == FRAMES_IPV4;
	fprintf(out,
		"interfaces: [{name: eth0}]\n"
		"flow_table: {entries: %u}\n"
		"services:\n"
		"  - name: bench\n"
		"    address: \"%s\"\n"
		"    protocol: %s\n"
		"    ports: %d\n"
		"    announce: none\n"
		"    backends:\n",
		entries, v4 ? FRAMES_VIP_IPV4 : FRAMES_VIP_IPV6,
		protocol == IPPROTO_TCP ? "tcp" : "udp", FRAMES_VIP_PORT);
	for (unsigned int i = 1; i <= BALANCER_BACKENDS; i++)
		fprintf(out, "      - {name: b%u, address: \"%s%u\"}\n", i,
			v4 ? "192.0.2." : "2001:db8:2::", i);
}

static int read_config(struct balancer *b, enum frames_family family, uint8_t protocol,
		       uint32_t entries, struct err *err)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return err_set(err, ENOMEM, "no memory for a configuration");
	write_config(out, family, protocol, entries);
	fclose(out);
	int r = config_parse("weir-bench", text, length, &b->config, err);
	free(text);
	return r;
}

static int build_snapshot(struct balancer *b, struct err *err)
{
	static const uint8_t mac[][ETH_ALEN] = {{0x02, 0, 0, 0, 0, 0x01}};
	struct snapshot_input in = {
		.config = b->config,
		.port_macs = mac,
		.port_count = 1,
	};
	b->services = registry_new(ABI_MAX_SERVICES);
	b->backends = registry_new(ABI_MAX_BACKENDS);
	if (!b->services || !b->backends)
		return err_set(err, ENOMEM, "no memory for names");
	int r = snapshot_assign_ids(b->config, b->services, b->backends, err);
	in.services = b->services;
	in.backends = b->backends;
	return r ? r : snapshot_new(&in, NULL, &b->snapshot, err);
}

/* As datapath/instance.c does, but for the pins. */
static int open_arrays(struct balancer *b, uint32_t buckets, struct err *err)
{
	const struct pins nowhere = {};
	int r = shared_array_open(&b->buckets, &nowhere, "bench_flows", sizeof(struct flow_bucket),
				  buckets, err);
	return r ? r
		 : shared_array_open(&b->keys, &nowhere, "bench_keys", sizeof(struct flow_keys),
				     buckets, err);
}

static int make_table(struct balancer *b, struct err *err)
{
	const struct config_timeouts *t = &b->config->timeouts;
	const uint32_t timeouts_s[FLOW_STATES] = {
		[FLOW_HANDSHAKE] = t->tcp_handshake,
		[FLOW_ESTABLISHED] = t->tcp_established,
		[FLOW_CLOSING] = t->tcp_closing,
		[FLOW_UDP] = t->udp,
	};
	uint32_t entries = b->config->flow_entries;
	int r = open_arrays(b, flow_table_buckets(entries), err);
	if (r == -EPERM)
		r = memory_open(&b->memory, flow_table_bytes(entries), -1, HUGEPAGES_AUTO, err);
	if (r)
		return r;
	flow_table_init(&b->flows, b->buckets.base ? b->buckets.base : b->memory.base, entries,
			&seed, timeouts_s);
	b->flows.keys = b->keys.base;
	return 0;
}

int balancer_open(struct balancer *b, enum frames_family family, uint8_t protocol, uint32_t entries,
		  struct err *err)
{
	*b = (struct balancer){};
	int r = read_config(b, family, protocol, entries, err);
	if (!r)
		r = build_snapshot(b, err);
	if (!r)
		r = make_table(b, err);
	b->counters = lb_counters_new();
	if (!r && !b->counters)
		r = err_set(err, ENOMEM, "no memory for counters");
	lb_init(&b->lb, &b->flows, b->counters, UINT32_MAX);
	if (r)
		balancer_close(b);
	return r;
}

void balancer_close(struct balancer *b)
{
	free(b->counters);
	memory_close(&b->memory);
	shared_array_close(&b->keys);
	shared_array_close(&b->buckets);
	snapshot_free(b->snapshot);
	registry_free(b->backends);
	registry_free(b->services);
	config_free(b->config);
	*b = (struct balancer){};
}

const char *balancer_memory(const struct balancer *b)
{
	return b->buckets.base ? "BPF arrays, with keys" : memory_kind_name(b->memory.kind);
}

void balancer_forget(struct balancer *b)
{
	memset(b->flows.buckets, 0, flow_table_bytes(b->config->flow_entries));
}

uint64_t balancer_tracked(struct balancer *b, uint64_t now_ns)
{
	struct flow_sweep seen = {};
	uint64_t position = 0, tracked = 0;
	flow_table_sweep(&b->flows, &position, UINT64_MAX, NULL, now_ns, &seen);
	for (int state = 0; state < FLOW_STATES; state++)
		tracked += seen.entries[state];
	return tracked;
}
