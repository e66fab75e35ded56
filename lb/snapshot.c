// SPDX-License-Identifier: BSD-2-Clause
/*
 * Builds snapshots. A snapshot owns all its arrays; Maglev tables are shared by reference count,
 * which the control thread alone touches.
 */
#include "lb/snapshot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/registry.h"
#include "lb/snapshot_service.h"
#include "lb/snapshot_snat.h"
#include "lb/target_table.h"

/* --- targets ------------------------------------------------------------------------------- */

static uint32_t target_count(const struct config *config)
{
	uint32_t count = 3 * (config->nat.own.count + config->nat.peers.count);
	for (unsigned int i = 0; i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		count++;
		for (unsigned int r = 0; r < s->port_range_count; r++)
			count += s->port_ranges[r].last - s->port_ranges[r].first + 1;
	}
	return count;
}

static uint32_t vip_flags(const struct config *config, enum config_announce announce)
{
	uint32_t flags = announce == ANNOUNCE_NEIGHBOR ? TARGET_ANNOUNCE : 0;
	if (config->icmp.echo)
		flags |= TARGET_ECHO;
	if (config->icmp.other == ICMP_OTHER_DROP)
		flags |= TARGET_REFUSE_ICMP;
	return flags;
}

static void put_targets(struct target_table *t, const struct config *config, unsigned int index,
			uint32_t id)
{
	const struct config_service *s = &config->services[index];
	uint32_t flags = vip_flags(config, s->announce);
	struct target_key key = {.address = s->address, .prefix = s->prefix};
	const struct target *vip = target_table_find(t, &key);
	struct target value = {.service = ABI_NO_SERVICE, .row = policy_vip_row(config, index)};
	value.flags = flags | (vip ? vip->flags : 0);
	target_table_put(t, &key, &value);
	key.protocol = s->protocol;
	value = (struct target){.service = id, .row = policy_service_row(index)};
	for (unsigned int r = 0; r < s->port_range_count; r++) {
		for (uint32_t port = s->port_ranges[r].first; port <= s->port_ranges[r].last;
		     port++) {
			key.port = htons(port);
			target_table_put(t, &key, &value);
		}
	}
}

/* What is for services that pass everything is the kernel's, for the XDP program too. */
static void mark_passing(struct snapshot *s)
{
	for (uint32_t i = 0; i <= s->targets->mask; i++) {
		struct target_entry *e = &s->targets->entries[i];
		if (!e->used || e->value.service == ABI_NO_SERVICE)
			continue;
		e->value.flags &= ~TARGET_PASS;
		if (s->services[e->value.service].passes)
			e->value.flags |= TARGET_PASS;
	}
}

/* --- the whole ------------------------------------------------------------------------------ */

static struct snapshot *snapshot_alloc(const struct snapshot_input *in)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->generation = in->generation;
	s->service_end = registry_end(in->services);
	s->backend_end = registry_end(in->backends);
	s->port_count = in->port_count;
	s->policy = policy_keep(in->policy);
	for (uint32_t i = 0; i < in->port_count; i++) {
		memcpy(s->ports[i].source, in->port_macs[i], ETH_ALEN);
		s->port_mtus[i] = in->port_mtus && in->port_mtus[i] < UINT16_MAX ? in->port_mtus[i]
										 : UINT16_MAX;
	}
	s->stale_ns = UINT64_MAX;
	s->services = calloc(s->service_end + 1, sizeof(*s->services));
	s->backends = aligned_alloc(64, (s->backend_end + 1) * sizeof(*s->backends));
	if (!s->services || !s->backends) {
		snapshot_free(s);
		return NULL;
	}
	memset(s->backends, 0, (s->backend_end + 1) * sizeof(*s->backends));
	return s;
}

static bool any_slow_start(const struct config *config)
{
	for (unsigned int i = 0; i < config->service_count; i++)
		if (config->services[i].slow_start_ms)
			return true;
	return false;
}

static int note_begins_at(struct snapshot *s, bool wanted)
{
	s->since_ns = wanted ? calloc(s->backend_end + 1, sizeof(*s->since_ns)) : NULL;
	return wanted && !s->since_ns ? -ENOMEM : 0;
}

/* The ways of the policy's redirects are among those to backends. */
static void route_redirects(struct snapshot *s, const struct snapshot_input *in)
{
	static const struct next_hop first_port = {.known = true};
	char key[POLICY_HOP_KEY];
	for (unsigned int i = 0; i < in->config->policy.rule_count; i++) {
		const struct config_rule *r = &in->config->policy.rules[i];
		if (!r->redirect.has_next_hop)
			continue;
		uint32_t id = registry_find(in->backends, policy_hop_key(r->name, key));
		s->backends[id].is_hop = 1;
		snapshot_route_backend(&s->backends[id],
				       in->next_hops ? &in->next_hops[id] : &first_port, s);
	}
}

static int no_memory(struct snapshot *s, struct err *err)
{
	snapshot_free(s);
	return err_set(err, ENOMEM, "not enough memory for the services and their tables");
}

int snapshot_new(const struct snapshot_input *in, const struct snapshot *previous,
		 struct snapshot **out, struct err *err)
{
	struct snapshot *s = snapshot_alloc(in);
	if (!s)
		return no_memory(s, err);
	s->echo_limit = in->config->icmp.echo_limit;
	s->too_big_limit = in->config->icmp.too_big_limit;
	s->ipip = in->config->ipip;
	s->idle_ns = in->config->timeouts.tcp_established * 1000000000ull;
	s->targets = target_table_new(target_count(in->config));
	if (!s->targets || note_begins_at(s, any_slow_start(in->config)))
		return no_memory(s, err);
	for (unsigned int i = 0; i < in->config->service_count; i++) {
		const struct config_service *service = &in->config->services[i];
		if (snapshot_fill_service(s, in, service, previous))
			return no_memory(s, err);
		put_targets(s->targets, in->config, i, registry_find(in->services, service->name));
	}
	mark_passing(s);
	snapshot_put_snat(s->targets, &in->config->nat.own,
			  vip_flags(in->config, in->config->nat.announce));
	snapshot_put_snat(s->targets, &in->config->nat.peers, vip_flags(in->config, ANNOUNCE_NONE));
	s->snat = snapshot_snat_new(s, &in->config->nat);
	if (!s->snat)
		return no_memory(s, err);
	route_redirects(s, in);
	*out = s;
	return 0;
}

int snapshot_refresh(const struct snapshot_input *in, const struct snapshot *previous,
		     struct snapshot **out, struct err *err)
{
	struct snapshot *s = snapshot_alloc(in);
	bool passes_changed = false;
	if (!s)
		return no_memory(s, err);
	s->echo_limit = previous->echo_limit;
	s->too_big_limit = previous->too_big_limit;
	s->snat = snapshot_snat_hold(previous->snat);
	s->ipip = previous->ipip;
	s->idle_ns = previous->idle_ns;
	s->counts = previous->counts;
	s->targets = target_table_hold(previous->targets);
	if (note_begins_at(s, previous->since_ns))
		return no_memory(s, err);
	memcpy(s->backends, previous->backends, previous->backend_end * sizeof(*s->backends));
	for (uint32_t id = 0; id < previous->service_end; id++) {
		const struct service *old = &previous->services[id];
		if (!old->present)
			continue;
		snapshot_take_over_service(&s->services[id], old);
		if (snapshot_settle_service(s, &s->services[id], in, previous, old))
			return no_memory(s, err);
		passes_changed |= s->services[id].passes != old->passes;
	}
	if (passes_changed) {
		target_table_free(s->targets);
		s->targets = target_table_copy(previous->targets);
		if (!s->targets)
			return no_memory(s, err);
		mark_passing(s);
	}
	route_redirects(s, in);
	*out = s;
	return 0;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->services && i < s->service_end; i++)
		snapshot_drop_service(&s->services[i]);
	snapshot_snat_free(s->snat);
	free(s->services);
	free(s->backends);
	free(s->since_ns);
	target_table_free(s->targets);
	policy_free(s->policy);
	free(s);
}
