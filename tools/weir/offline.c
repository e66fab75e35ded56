// SPDX-License-Identifier: BSD-2-Clause
/*
 * Does what the daemon's control thread does around lb/, without a kernel. Owns all of its members.
 * One thread.
 */
#include "tools/weir/offline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/fragments.h"
#include "lb/held.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/policy_load.h"

#define BUCKET_BYTES sizeof(struct flow_bucket)

/*
 * Last-seen ticks wrap round after 4.9 hours (lb/flow_table.h), and no flow lives for longer than
 * four: looked through every half an hour, no entry is found older than LONG_GAP_NS.
 */
#define SWEEP_NS    (1800ull * 1000000000)
#define LONG_GAP_NS (17100ull * 1000000000)
#define START_NS    1000000000ull

/* --- parts --------------------------------------------------------------------------------- */

static int open_flows(struct offline *o)
{
	static const struct flow_seed seed = {{0x6f66666c696e6531, 0x6f66666c696e6532,
					       0x6f66666c696e6533, 0x6f66666c696e6534,
					       0x6f66666c696e6535, 0x6f66666c696e6536}};
	const struct config_timeouts *t = &o->config->timeouts;
	const uint32_t timeouts[FLOW_STATES] = {
		[FLOW_HANDSHAKE] = t->tcp_handshake,
		[FLOW_ESTABLISHED] = t->tcp_established,
		[FLOW_CLOSING] = t->tcp_closing,
		[FLOW_UDP] = t->udp,
	};
	/* calloc: of a large table only what is used becomes memory. */
	o->flow_memory = calloc(1, flow_table_bytes(o->config->flow_entries) + BUCKET_BYTES);
	if (!o->flow_memory)
		return -ENOMEM;
	uintptr_t aligned = ((uintptr_t)o->flow_memory + BUCKET_BYTES - 1) & ~(BUCKET_BYTES - 1);
	flow_table_init(&o->flows, (void *)aligned, o->config->flow_entries, &seed, timeouts);
	o->fragments = fragments_new(&seed);
	return o->fragments ? 0 : -ENOMEM;
}

/* Only nat needs them. */
static int open_translations(struct offline *o, const struct config *config)
{
	if (!config->nat.own.count || o->flows.translations)
		return 0;
	o->translation_memory = calloc(o->flows.mask + 1, sizeof(struct flow_translations));
	o->flows.translations = o->translation_memory;
	return o->flows.translations ? 0 : -ENOMEM;
}

static struct next_hop made_up_hop(const struct addr *backend)
{
	struct next_hop hop = {.known = true, .mac = {0x02, addr_is_v4(backend) ? 0x04 : 0x06}};
	memcpy(hop.mac + 2, &backend->word[3], 4);
	addr_parse(addr_is_v4(backend) ? "192.0.2.254" : "2001:db8:fe::1", &hop.local);
	return hop;
}

static void make_up_hops(struct offline *o, const struct config *config)
{
	char key[SNAPSHOT_BACKEND_KEY];
	for (unsigned int i = 0; i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		for (unsigned int j = 0; j < s->backend_count; j++) {
			snapshot_backend_key(s, &s->backends[j], key, sizeof(key));
			o->next_hops[registry_find(o->backends, key)] =
				made_up_hop(&s->backends[j].address);
		}
	}
}

/* As datapath/engine.c does. */
static int count_connections(struct offline *o, const struct snapshot *s)
{
	if (!s->counts || o->connections)
		return 0;
	o->connections = calloc(ABI_MAX_BACKENDS, sizeof(*o->connections));
	if (!o->connections)
		return -ENOMEM;
	flow_table_count(&o->flows, o->connections);
	return 0;
}

static int build_snapshot(struct offline *o, const struct config *config,
			  struct policy_tables *policy, struct snapshot **out, struct err *err)
{
	struct snapshot_input in = {
		.config = config,
		.services = o->services,
		.backends = o->backends,
		.next_hops = o->next_hops,
		.controls = o->controls,
		.port_macs = (const uint8_t(*)[ETH_ALEN])o->port_macs,
		.port_count = config->interface_count,
		.generation = o->snapshot ? o->snapshot->generation + 1 : 1,
		.now_ns = o->now_ns,
		.policy = policy,
	};
	int r = snapshot_new(&in, o->snapshot, out, err);
	if (r || !count_connections(o, *out))
		return r;
	snapshot_free(*out);
	return err_set(err, ENOMEM, "not enough memory to count connections");
}

/* --- the whole ------------------------------------------------------------------------------ */

/* With nothing in force yet, `config` may be o->config itself. */
static int put_in_force(struct offline *o, struct config *config, struct err *err)
{
	struct snapshot *next;
	struct policy_tables *policy = NULL;
	int r = snapshot_assign_ids(config, o->services, o->backends, err);
	if (!r && open_translations(o, config))
		r = err_set(err, ENOMEM, "not enough memory for translations");
	r = r ? r : policy_assign_ids(config, o->rules, err);
	r = r ? r : policy_load(config, o->rules, o->backends, NULL, &policy, err);
	if (!r) {
		make_up_hops(o, config);
		r = build_snapshot(o, config, policy, &next, err);
	}
	if (!r) {
		snapshot_free(o->snapshot);
		o->snapshot = next;
		policy_free(o->policy);
		o->policy = policy_keep(policy);
	}
	policy_free(policy);
	snapshot_release_ids(r ? o->config : config, o->services, o->backends);
	policy_release_ids(r ? o->config : config, o->rules);
	return r;
}

int offline_open(struct offline *o, struct config *config, struct err *err)
{
	int r;
	memset(o, 0, sizeof(*o));
	o->config = config;
	for (unsigned int i = 0; i < ABI_MAX_PORTS; i++) {
		o->port_macs[i][0] = 0x02;
		o->port_macs[i][ETH_ALEN - 1] = i;
	}
	o->services = registry_new(ABI_MAX_SERVICES);
	o->backends = registry_new(ABI_MAX_BACKENDS);
	o->rules = registry_new(POLICY_NO_RULE);
	o->next_hops = calloc(ABI_MAX_BACKENDS, sizeof(*o->next_hops));
	o->counters = lb_counters_new();
	o->held = held_new();
	if (!o->services || !o->backends || !o->rules || !o->next_hops || !o->counters ||
	    !o->held || open_flows(o) ||
	    policing_init(&o->policing, config->policy.tracked_sources, &o->flows.seed)) {
		r = err_set(err, ENOMEM, "not enough memory for a table of %u flows",
			    config->flow_entries);
		goto fail;
	}
	/* The limit is for a worker's sake, and how many workers there would be nobody knows. */
	lb_init(&o->lb, &o->flows, o->counters, UINT32_MAX);
	lb_use_fragments(&o->lb, o->fragments, o->held);
	lb_use_policing(&o->lb, &o->policing);
	o->flows.half_open = o->policing.half_open;
	r = put_in_force(o, config, err);
	if (!r)
		return 0;
fail:
	offline_close(o);
	return r;
}

void offline_close(struct offline *o)
{
	held_free(o->held);
	fragments_free(o->fragments);
	free(o->counters);
	snapshot_free(o->snapshot);
	free(o->connections);
	free(o->translation_memory);
	policy_free(o->policy);
	policing_fini(&o->policing);
	free(o->flow_memory);
	free(o->next_hops);
	registry_free(o->rules);
	registry_free(o->backends);
	registry_free(o->services);
	config_free(o->config);
	memset(o, 0, sizeof(*o));
}

int offline_reload(struct offline *o, struct config *config, struct err *err)
{
	int r = put_in_force(o, config, err);
	if (r)
		return r;
	config_free(o->config);
	o->config = config;
	return 0;
}

int offline_publish(struct offline *o, struct err *err)
{
	struct snapshot *next;
	int r = build_snapshot(o, o->config, o->policy, &next, err);
	if (r)
		return r;
	snapshot_free(o->snapshot);
	o->snapshot = next;
	return 0;
}

/* --- packets -------------------------------------------------------------------------------- */

/* Frees what died in a gap. After a long one all are dead, as they are at LONG_GAP_NS into it. */
static void sweep(struct offline *o)
{
	struct flow_sweep seen = {0};
	uint64_t position = 0, gap = o->now_ns - o->swept_ns;
	if (gap <= SWEEP_NS)
		return;
	flow_table_sweep(&o->flows, &position, UINT64_MAX, NULL,
			 o->swept_ns + (gap < LONG_GAP_NS ? gap : LONG_GAP_NS), &seen);
	o->swept_ns = o->now_ns;
}

uint64_t offline_time(const struct offline *o, uint64_t time_ns)
{
	/* lb_process() knows clocks that run since a while: a capture may start at 0. */
	time_ns += START_NS;
	return time_ns > o->now_ns ? time_ns : o->now_ns;
}

static void set_time(struct offline *o, uint64_t time_ns)
{
	time_ns = offline_time(o, time_ns);
	if (!o->now_ns)
		o->swept_ns = time_ns;
	o->now_ns = time_ns;
	sweep(o);
}

void offline_process(struct offline *o, struct lb_packet *packets, unsigned int count,
		     uint64_t time_ns)
{
	set_time(o, time_ns);
	lb_process(&o->lb, o->snapshot, packets, count, o->now_ns);
}

unsigned int offline_release(struct offline *o, struct lb_packet *packets, unsigned int max,
			     uint64_t time_ns)
{
	set_time(o, time_ns);
	return lb_release(&o->lb, o->snapshot, packets, max, o->now_ns);
}
