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
#include <xxhash.h>

#include "lb/err.h"
#include "lb/maglev.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/registry.h"
#include "lb/roster.h"
#include "lb/target_table.h"

const char *snapshot_backend_key(const struct config_service *s, const struct config_backend *b,
				 char *key, size_t size)
{
	snprintf(key, size, "%s/%s", s->name, b->name);
	return key;
}

/* --- ids ---------------------------------------------------------------------------------- */

int snapshot_assign_ids(const struct config *config, struct registry *services,
			struct registry *backends, struct err *err)
{
	char key[SNAPSHOT_BACKEND_KEY];
	for (unsigned int i = 0; i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		if (registry_assign(services, s->name) < 0)
			goto full;
		for (unsigned int j = 0; j < s->backend_count; j++) {
			snapshot_backend_key(s, &s->backends[j], key, sizeof(key));
			if (registry_assign(backends, key) < 0)
				goto full;
		}
	}
	for (unsigned int i = 0; i < config->policy.rule_count; i++)
		if (config->policy.rules[i].redirect.has_next_hop &&
		    registry_assign(backends, policy_hop_key(config->policy.rules[i].name, key)) <
			    0)
			goto full;
	return 0;
full:
	return err_set(err, ENOSPC,
		       "no ids left: at most %u services and %u backends, old and new together",
		       ABI_MAX_SERVICES, ABI_MAX_BACKENDS);
}

/* Marks the ids that the configuration needs. NULL without memory. */
static bool *needed_ids(const struct config *config, const struct registry *services,
			const struct registry *backends, bool of_backends)
{
	char key[SNAPSHOT_BACKEND_KEY];
	bool *needed = calloc(registry_end(of_backends ? backends : services) + 1, sizeof(*needed));
	for (unsigned int i = 0; needed && i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		int64_t id = of_backends ? -1 : registry_find(services, s->name);
		if (id >= 0)
			needed[id] = true;
		for (unsigned int j = 0; of_backends && j < s->backend_count; j++) {
			snapshot_backend_key(s, &s->backends[j], key, sizeof(key));
			id = registry_find(backends, key);
			if (id >= 0)
				needed[id] = true;
		}
	}
	for (unsigned int i = 0; needed && of_backends && i < config->policy.rule_count; i++) {
		int64_t id =
			registry_find(backends, policy_hop_key(config->policy.rules[i].name, key));
		if (id >= 0)
			needed[id] = config->policy.rules[i].redirect.has_next_hop;
	}
	return needed;
}

void snapshot_release_ids(const struct config *config, struct registry *services,
			  struct registry *backends)
{
	for (int of_backends = 0; of_backends < 2; of_backends++) {
		struct registry *r = of_backends ? backends : services;
		bool *needed = needed_ids(config, services, backends, of_backends);
		/* Without memory they stay given out until the next reload. */
		for (uint32_t id = 0; needed && id < registry_end(r); id++)
			if (!needed[id])
				registry_release(r, id);
		free(needed);
	}
}

/* --- Maglev tables -------------------------------------------------------------------------- */

/* A table, and whose positions are in it. */
struct maglev_share {
	uint32_t references;
	struct maglev *table;
	struct roster *roster;
};

static void maglev_unshare(struct maglev_share *m)
{
	if (!m || --m->references)
		return;
	maglev_free(m->table);
	roster_drop(m->roster);
	free(m);
}

/* Whether `old` has the same members with the same weights in the same positions. */
static bool same_members(const struct service *old, const struct backend *old_backends,
			 const struct service *new, const struct backend *new_backends)
{
	if (!old->present || old->member_count != new->member_count)
		return false;
	for (uint32_t i = 0; i < new->member_count; i++) {
		uint32_t id = new->members[i];
		if (old->members[i] != id || old_backends[id].weight != new_backends[id].weight)
			return false;
	}
	return true;
}

/* What Maglev takes, by position; a backend's name is what stands behind the slash of its key. */
static struct maglev_member *maglev_members(const struct service *service,
					    const struct backend *backends,
					    const struct registry *names)
{
	struct maglev_member *m = calloc(service->member_count + 1, sizeof(*m));
	for (uint32_t i = 0; m && i < service->member_count; i++) {
		uint32_t id = service->members[i];
		m[i] = (struct maglev_member){
			.name = strchr(registry_name(names, id), '/') + 1,
			.weight = backends[id].weight,
			.id = i,
		};
	}
	return m;
}

static bool any_weight(const struct service *service, const struct backend *backends)
{
	for (uint32_t i = 0; i < service->member_count; i++)
		if (backends[service->members[i]].weight)
			return true;
	return false;
}

static int build_maglev(struct service *service, const struct backend *backends,
			const struct registry *names)
{
	if (!any_weight(service, backends))
		return 0;
	struct maglev_member *members = maglev_members(service, backends, names);
	struct maglev_share *share = calloc(1, sizeof(*share));
	if (members && share)
		share->table = maglev_new(members, service->member_count, MAGLEV_PRIME);
	free(members);
	if (!share || !share->table) {
		free(share);
		return -ENOMEM;
	}
	share->references = 1;
	share->roster = roster_hold(service->roster);
	service->share = share;
	service->maglev = share->table;
	return 0;
}

static int take_or_build_maglev(struct service *service, const struct service *old,
				const struct snapshot *previous, const struct snapshot *s,
				const struct registry *names)
{
	if (!old || !same_members(old, previous->backends, service, s->backends))
		return build_maglev(service, s->backends, names);
	service->share = old->share;
	service->maglev = old->maglev;
	if (service->share)
		service->share->references++;
	return 0;
}

/* --- backends ------------------------------------------------------------------------------ */

/* What the configuration says of a backend. */
static void fill_backend(struct backend *b, const struct config_service *service_config,
			 const struct config_backend *config, uint32_t service,
			 const struct snapshot *s)
{
	b->present = 1;
	b->tracked = s->services[service].tracked;
	/*
	 * Else packets would follow their flow where their connection id says otherwise, or without
	 * a look at their checksum.
	 */
	b->repeated =
		s->services[service].affinity != AFFINITY_QUIC && !s->services[service].verified;
	b->service = service;
	b->way.forward = service_config->forward;
	b->way.remote = config->address;
	b->way.port = htons(config->port);
}

/* What the kernel says of the way to it. */
static void route_backend(struct backend *b, const struct next_hop *hop, const struct snapshot *s)
{
	struct way way = {.forward = b->way.forward, .remote = b->way.remote, .port = b->way.port};
	b->reachable = hop->known && hop->egress < s->port_count;
	if (b->reachable) {
		way.egress = hop->egress;
		way.link = s->ports[hop->egress];
		way.vlan = htons(hop->vlan);
		way.mtu = hop->mtu;
		way.local = hop->local;
		memcpy(way.link.destination, hop->mac, ETH_ALEN);
	}
	b->way = way;
}

/* What comes of the configuration, the operator and the checks. */
static void decide_backend(struct backend *b, const struct roster_entry *configured,
			   const struct backend_control *control)
{
	static const uint8_t forced[] = {
		[FORCE_UP] = STATE_UP,
		[FORCE_DRAIN] = STATE_DRAIN,
		[FORCE_DOWN] = STATE_DOWN,
		[FORCE_ALIVE] = STATE_UP,
	};
	b->weight = control->has_weight ? control->weight : configured->weight;
	b->state = control->force == FORCE_NONE ? configured->state : forced[control->force];
	if (control->failed && control->force != FORCE_ALIVE)
		b->state = STATE_DOWN;
}

/* --- services ------------------------------------------------------------------------------ */

static bool takes_new_flows(const struct backend *b)
{
	return b->state == STATE_UP && b->weight > 0;
}

static int mark_up(struct service *service, const struct backend *backends)
{
	service->up = calloc(service->member_count / 64 + 1, sizeof(*service->up));
	service->up_count = 0;
	if (!service->up)
		return -ENOMEM;
	for (uint32_t i = 0; i < service->member_count; i++) {
		if (!takes_new_flows(&backends[service->members[i]]))
			continue;
		service->up[i / 64] |= 1ull << (i % 64);
		service->up_count++;
	}
	return 0;
}

/* All that next hops and controls have a say in. `old`: the service before, or NULL. */
static int settle_service(struct snapshot *s, struct service *service,
			  const struct snapshot_input *in, const struct snapshot *previous,
			  const struct service *old)
{
	static const struct next_hop first_port = {.known = true};
	static const struct backend_control none;
	for (uint32_t i = 0; i < service->member_count; i++) {
		uint32_t id = service->members[i];
		struct backend *b = &s->backends[id];
		route_backend(b, in->next_hops ? &in->next_hops[id] : &first_port, s);
		decide_backend(b, &service->roster->entry[i],
			       in->controls ? &in->controls[id] : &none);
	}
	int r = mark_up(service, s->backends);
	return r ? r : take_or_build_maglev(service, old, previous, s, in->backends);
}

static void enlist(struct service *service, struct roster *roster)
{
	service->roster = roster;
	service->members = roster->ids;
	service->member_count = roster->count;
	service->quic = roster->quic;
}

static int fill_service(struct snapshot *s, const struct snapshot_input *in,
			const struct config_service *config, const struct snapshot *previous)
{
	uint32_t id = registry_find(in->services, config->name);
	struct service *service = &s->services[id];
	struct roster *roster = roster_new(config, in->backends);
	if (!roster)
		return -ENOMEM;
	service->present = 1;
	service->protocol = config->protocol;
	service->announce = config->announce;
	service->affinity = config->affinity;
	service->tracked = config->tracking == TRACKING_FLOW;
	service->verified = config->verify_checksums;
	service->identity = XXH64(config->name, strlen(config->name), 0);
	service->address = config->address;
	service->prefix = config->prefix;
	enlist(service, roster);
	for (uint32_t i = 0; i < roster->count; i++)
		fill_backend(&s->backends[roster->ids[i]], config,
			     &config->backends[roster->entry[i].config], id, s);
	const struct service *old =
		previous && id < previous->service_end ? &previous->services[id] : NULL;
	return settle_service(s, service, in, previous, old);
}

/* --- targets ------------------------------------------------------------------------------- */

static uint32_t target_count(const struct config *config)
{
	uint32_t count = 0;
	for (unsigned int i = 0; i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		count++;
		for (unsigned int r = 0; r < s->port_range_count; r++)
			count += s->port_ranges[r].last - s->port_ranges[r].first + 1;
	}
	return count;
}

static uint32_t vip_flags(const struct config *config, const struct config_service *s)
{
	uint32_t flags = s->announce == ANNOUNCE_NEIGHBOR ? TARGET_ANNOUNCE : 0;
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
	uint32_t flags = vip_flags(config, s);
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
	for (uint32_t i = 0; i < in->port_count; i++)
		memcpy(s->ports[i].source, in->port_macs[i], ETH_ALEN);
	s->services = calloc(s->service_end + 1, sizeof(*s->services));
	s->backends = aligned_alloc(64, (s->backend_end + 1) * sizeof(*s->backends));
	if (!s->services || !s->backends) {
		snapshot_free(s);
		return NULL;
	}
	memset(s->backends, 0, (s->backend_end + 1) * sizeof(*s->backends));
	return s;
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
		route_backend(&s->backends[id], in->next_hops ? &in->next_hops[id] : &first_port,
			      s);
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
	s->targets = target_table_new(target_count(in->config));
	if (!s->targets)
		return no_memory(s, err);
	for (unsigned int i = 0; i < in->config->service_count; i++) {
		const struct config_service *service = &in->config->services[i];
		if (fill_service(s, in, service, previous))
			return no_memory(s, err);
		put_targets(s->targets, in->config, i, registry_find(in->services, service->name));
	}
	route_redirects(s, in);
	*out = s;
	return 0;
}

/* A service as it was before, but for what settle_service() fills in. */
static void take_over_service(struct service *service, const struct service *old)
{
	*service = *old;
	service->share = NULL;
	service->maglev = NULL;
	service->up = NULL;
	roster_hold(service->roster);
}

int snapshot_refresh(const struct snapshot_input *in, const struct snapshot *previous,
		     struct snapshot **out, struct err *err)
{
	struct snapshot *s = snapshot_alloc(in);
	if (!s)
		return no_memory(s, err);
	s->echo_limit = previous->echo_limit;
	s->targets = target_table_hold(previous->targets);
	memcpy(s->backends, previous->backends, previous->backend_end * sizeof(*s->backends));
	for (uint32_t id = 0; id < previous->service_end; id++) {
		const struct service *old = &previous->services[id];
		if (!old->present)
			continue;
		take_over_service(&s->services[id], old);
		if (settle_service(s, &s->services[id], in, previous, old))
			return no_memory(s, err);
	}
	route_redirects(s, in);
	*out = s;
	return 0;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->services && i < s->service_end; i++) {
		maglev_unshare(s->services[i].share);
		roster_drop(s->services[i].roster);
		free(s->services[i].up);
	}
	free(s->services);
	free(s->backends);
	target_table_free(s->targets);
	policy_free(s->policy);
	free(s);
}
