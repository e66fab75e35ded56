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
#include "lb/quic.h"
#include "lb/registry.h"
#include "lb/target_table.h"

struct maglev_share {
	uint32_t references;
	struct maglev *table;
};

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
	return 0;
full:
	return err_set(err, ENOSPC,
		       "no ids left: at most %u services and %u backends, old and new together",
		       ABI_MAX_SERVICES, ABI_MAX_BACKENDS);
}

void snapshot_release_ids(const struct config *config, struct registry *services,
			  struct registry *backends)
{
	for (uint32_t id = 0; id < registry_end(services); id++) {
		const char *name = registry_name(services, id);
		if (name && !config_find_service(config, name))
			registry_release(services, id);
	}
	for (uint32_t id = 0; id < registry_end(backends); id++) {
		char service[SNAPSHOT_BACKEND_KEY];
		const char *name = registry_name(backends, id);
		if (!name)
			continue;
		const char *slash = strchr(name, '/');
		snprintf(service, sizeof(service), "%.*s", (int)(slash - name), name);
		const struct config_service *s = config_find_service(config, service);
		if (!s || !config_find_backend(s, slash + 1))
			registry_release(backends, id);
	}
}

/* --- services ------------------------------------------------------------------------------ */

static void maglev_unshare(struct maglev_share *m)
{
	if (!m || --m->references)
		return;
	maglev_free(m->table);
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

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct maglev_member *)a)->name,
		      ((const struct maglev_member *)b)->name);
}

/* The members of a service by name, ids by position: what Maglev is built from. */
static struct maglev_member *sorted_members(const struct config_service *s)
{
	struct maglev_member *m = calloc(s->backend_count + 1, sizeof(*m));
	if (!m)
		return NULL;
	for (unsigned int i = 0; i < s->backend_count; i++)
		m[i] = (struct maglev_member){
			.name = s->backends[i].name, .weight = s->backends[i].weight, .id = i};
	qsort(m, s->backend_count, sizeof(*m), compare_members);
	return m;
}

static int share_maglev(struct service *service, struct maglev_member *members)
{
	bool any = false;
	for (uint32_t i = 0; i < service->member_count; i++) {
		members[i].id = i;
		any |= members[i].weight > 0;
	}
	if (!any)
		return 0;
	service->share = calloc(1, sizeof(*service->share));
	if (!service->share)
		return -ENOMEM;
	service->share->references = 1;
	service->share->table = maglev_new(members, service->member_count, MAGLEV_PRIME);
	service->maglev = service->share->table;
	return service->maglev ? 0 : -ENOMEM;
}

static void fill_backend(struct backend *b, const struct config_service *service_config,
			 const struct config_backend *config, uint32_t service,
			 const struct next_hop *hop, const struct snapshot *s)
{
	b->present = 1;
	b->state = config->state;
	b->tracked = s->services[service].tracked;
	/* Else packets would follow their flow where their connection id says otherwise. */
	b->repeated = s->services[service].affinity != AFFINITY_QUIC;
	b->service = service;
	b->weight = config->weight;
	b->way.forward = service_config->forward;
	b->way.remote = config->address;
	b->way.port = htons(config->port);
	if (!hop->known || hop->egress >= s->port_count)
		return;
	b->reachable = 1;
	b->way.egress = hop->egress;
	b->way.link = s->ports[hop->egress];
	b->way.vlan = htons(hop->vlan);
	b->way.mtu = hop->mtu;
	b->way.local = hop->local;
	memcpy(b->way.link.destination, hop->mac, ETH_ALEN);
}

static int fill_quic(struct service *service, const struct config_service *config,
		     const struct maglev_member *members)
{
	if (config->affinity != AFFINITY_QUIC)
		return 0;
	service->quic = quic_servers_new(config->quic.config_id, config->quic.server_id_length,
					 config->backend_count);
	if (!service->quic)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->backend_count; i++)
		service->quic->servers[i] = (struct quic_server){
			.id = config->backends[members[i].id].server_id.value,
			.backend = service->members[i],
		};
	quic_servers_sort(service->quic);
	return 0;
}

static int fill_service(struct snapshot *s, const struct snapshot_input *in,
			const struct config_service *config, const struct snapshot *previous)
{
	static const struct next_hop first_port = {.known = true};
	char key[SNAPSHOT_BACKEND_KEY];
	uint32_t id = registry_find(in->services, config->name);
	struct service *service = &s->services[id];
	struct maglev_member *members = sorted_members(config);
	int err = -ENOMEM;
	service->present = 1;
	service->protocol = config->protocol;
	service->announce = config->announce;
	service->affinity = config->affinity;
	service->tracked = config->tracking == TRACKING_FLOW;
	service->identity = XXH64(config->name, strlen(config->name), 0);
	service->address = config->address;
	service->prefix = config->prefix;
	service->member_count = config->backend_count;
	service->members = calloc(config->backend_count + 1, sizeof(*service->members));
	service->up = calloc(config->backend_count / 64 + 1, sizeof(*service->up));
	if (!members || !service->members || !service->up)
		goto out;
	for (uint32_t i = 0; i < config->backend_count; i++) {
		const struct config_backend *b = &config->backends[members[i].id];
		snapshot_backend_key(config, b, key, sizeof(key));
		uint32_t backend = registry_find(in->backends, key);
		service->members[i] = backend;
		fill_backend(&s->backends[backend], config, b, id,
			     in->next_hops ? &in->next_hops[backend] : &first_port, s);
		if (b->state == STATE_UP && b->weight > 0) {
			service->up[i / 64] |= 1ull << (i % 64);
			service->up_count++;
		}
	}
	if (fill_quic(service, config, members))
		goto out;
	const struct service *old =
		previous && id < previous->service_end ? &previous->services[id] : NULL;
	if (old && same_members(old, previous->backends, service, s->backends)) {
		service->share = old->share;
		service->maglev = old->maglev;
		if (service->share)
			service->share->references++;
		err = 0;
	} else {
		err = share_maglev(service, members);
	}
out:
	free(members);
	return err;
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

static void put_targets(struct target_table *t, const struct config_service *s, uint32_t id,
			uint32_t flags)
{
	struct target_key key = {.address = s->address, .prefix = s->prefix};
	const struct target *vip = target_table_find(t, &key);
	struct target value = {.service = ABI_NO_SERVICE, .flags = vip ? vip->flags : 0};
	value.flags |= flags;
	target_table_put(t, &key, &value);
	key.protocol = s->protocol;
	value = (struct target){.service = id};
	for (unsigned int r = 0; r < s->port_range_count; r++) {
		for (uint32_t port = s->port_ranges[r].first; port <= s->port_ranges[r].last;
		     port++) {
			key.port = htons(port);
			target_table_put(t, &key, &value);
		}
	}
}

/* --- the whole ------------------------------------------------------------------------------ */

int snapshot_new(const struct snapshot_input *in, const struct snapshot *previous,
		 struct snapshot **out, struct err *err)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	if (!s)
		goto no_memory;
	s->generation = in->generation;
	s->service_end = registry_end(in->services);
	s->backend_end = registry_end(in->backends);
	s->port_count = in->port_count;
	s->echo_limit = in->config->icmp.echo_limit;
	for (uint32_t i = 0; i < in->port_count; i++)
		memcpy(s->ports[i].source, in->port_macs[i], ETH_ALEN);
	s->services = calloc(s->service_end + 1, sizeof(*s->services));
	s->backends = aligned_alloc(64, (s->backend_end + 1) * sizeof(*s->backends));
	s->targets = target_table_new(target_count(in->config));
	if (!s->services || !s->backends || !s->targets)
		goto no_memory;
	memset(s->backends, 0, (s->backend_end + 1) * sizeof(*s->backends));
	for (unsigned int i = 0; i < in->config->service_count; i++) {
		const struct config_service *service = &in->config->services[i];
		if (fill_service(s, in, service, previous))
			goto no_memory;
		put_targets(s->targets, service, registry_find(in->services, service->name),
			    vip_flags(in->config, service));
	}
	*out = s;
	return 0;
no_memory:
	snapshot_free(s);
	return err_set(err, ENOMEM, "not enough memory for %u services", in->config->service_count);
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->services && i < s->service_end; i++) {
		maglev_unshare(s->services[i].share);
		free(s->services[i].members);
		free(s->services[i].up);
		free(s->services[i].quic);
	}
	free(s->services);
	free(s->backends);
	target_table_free(s->targets);
	free(s);
}
