// SPDX-License-Identifier: BSD-2-Clause
/*
 * Builds snapshots. A snapshot owns all its arrays; Maglev tables are shared by reference count,
 * which the control thread alone touches.
 * long file: a snapshot is built and refreshed from the same parts.
 */
#include "lb/snapshot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lb/addr.h"
#include "lb/err.h"
#include "lb/maglev.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/prefix.h"
#include "lb/registry.h"
#include "lb/roster.h"
#include "lb/snapshot_snat.h"
#include "lb/target_table.h"

/* --- Maglev tables -------------------------------------------------------------------------- */

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
		share->table = maglev_new(members, service->member_count,
					  maglev_size(service->member_count));
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

static struct maglev_share *maglev_hold(struct maglev_share *m)
{
	if (m)
		m->references++;
	return m;
}

/* Keeps a table for the connections that began by it, as long as they are remembered. */
static void keep_before(struct service *service, struct maglev_share *table, uint64_t until_ns,
			struct snapshot *s)
{
	service->before = maglev_hold(table);
	service->before_until_ns = until_ns;
	if (table && until_ns < s->stale_ns)
		s->stale_ns = until_ns;
}

static int take_or_build_maglev(struct service *service, const struct service *old,
				const struct snapshot *previous, struct snapshot *s,
				const struct snapshot_input *in)
{
	bool kept = service->protocol == IPPROTO_TCP && service->tracked;
	if (!old || !same_members(old, previous->backends, service, s->backends)) {
		if (old && kept)
			keep_before(service, old->share, in->now_ns + s->idle_ns, s);
		return build_maglev(service, s->backends, in->backends);
	}
	service->share = maglev_hold(old->share);
	service->maglev = old->maglev;
	if (kept && in->now_ns < old->before_until_ns)
		keep_before(service, (struct maglev_share *)old->before, old->before_until_ns, s);
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
	static const uint8_t no_source[ETH_ALEN];
	struct way way = {.forward = b->way.forward, .remote = b->way.remote, .port = b->way.port};
	b->reachable = hop->known && hop->egress < s->port_count;
	if (b->reachable) {
		way.egress = hop->egress;
		way.link = s->ports[hop->egress];
		way.vlan = htons(hop->vlan);
		way.mtu = hop->mtu ? hop->mtu : WAY_MTU_MAX;
		way.local = hop->local;
		way.plain = way.forward == FORWARD_DSR && !way.vlan;
		memcpy(way.link.destination, hop->mac, ETH_ALEN);
		if (memcmp(hop->source, no_source, ETH_ALEN))
			memcpy(way.link.source, hop->source, ETH_ALEN);
	}
	if (way.forward == FORWARD_IPIP && addr_is_v4(&way.remote) && s->ipip.prefix) {
		way.local = s->ipip.source;
		way.spread = PREFIX_FULL - s->ipip.prefix;
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

static void mark_those(struct service *service, const struct backend *backends, bool backups)
{
	for (uint32_t i = 0; i < service->member_count; i++) {
		if (service->roster->entry[i].backup != backups ||
		    !takes_new_flows(&backends[service->members[i]]))
			continue;
		service->up[i / 64] |= 1ull << (i % 64);
		service->up_count++;
	}
}

static int mark_up(struct service *service, const struct backend *backends)
{
	service->up = calloc(service->member_count / 64 + 1, sizeof(*service->up));
	service->up_count = 0;
	if (!service->up)
		return -ENOMEM;
	mark_those(service, backends, false);
	if (service->up_count < service->min_up)
		mark_those(service, backends, true);
	return 0;
}

/* Whether nobody serves at all, not even known flows. */
static bool nobody_serves(const struct service *service, const struct backend *backends)
{
	for (uint32_t i = 0; i < service->member_count; i++)
		if (backends[service->members[i]].state != STATE_DOWN)
			return false;
	return true;
}

/* Whether a backend served the service in the snapshot before. */
static bool did_serve(const struct snapshot *previous, uint32_t id, uint32_t service)
{
	const struct backend *b = &previous->backends[id];
	return id < previous->backend_end && b->present && b->service == service &&
	       b->state != STATE_DOWN;
}

/*
 * Notes when each backend began to serve. Those that did when the first snapshot was made always
 * have; backups are not made to wait, as they come when there is need.
 */
static void note_begins(struct snapshot *s, struct service *service,
			const struct snapshot_input *in, const struct snapshot *previous)
{
	service->ramp_until_ns = 0;
	if (!service->slow_start_ns)
		return;
	for (uint32_t i = 0; i < service->member_count; i++) {
		uint32_t id = service->members[i];
		if (!previous || service->roster->entry[i].backup ||
		    s->backends[id].state == STATE_DOWN)
			s->since_ns[id] = 0;
		else if (!did_serve(previous, id, service - s->services))
			s->since_ns[id] = in->now_ns;
		else
			s->since_ns[id] = previous->since_ns ? previous->since_ns[id] : 0;
		uint64_t end_ns = s->since_ns[id] + service->slow_start_ns;
		if (s->since_ns[id] && end_ns > service->ramp_until_ns)
			service->ramp_until_ns = end_ns;
	}
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
	note_begins(s, service, in, previous);
	service->passes =
		service->no_backend == NO_BACKEND_PASS && nobody_serves(service, s->backends);
	int r = mark_up(service, s->backends);
	return r ? r : take_or_build_maglev(service, old, previous, s, in);
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
	service->min_up = config->min_up;
	service->no_backend = config->no_backend;
	service->mss_clamp = config->mss_clamp;
	service->least_connections = config->scheduler == SCHEDULER_LEAST_CONNECTIONS;
	service->slow_start_ns = config->slow_start_ms * 1000000ull;
	s->counts |= service->least_connections;
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
	uint32_t count = 3 * config->nat.address_count;
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
	s->too_big_limit = in->config->icmp.too_big_limit;
	s->ipip = in->config->ipip;
	s->idle_ns = in->config->timeouts.tcp_established * 1000000000ull;
	s->targets = target_table_new(target_count(in->config));
	if (!s->targets || note_begins_at(s, any_slow_start(in->config)))
		return no_memory(s, err);
	for (unsigned int i = 0; i < in->config->service_count; i++) {
		const struct config_service *service = &in->config->services[i];
		if (fill_service(s, in, service, previous))
			return no_memory(s, err);
		put_targets(s->targets, in->config, i, registry_find(in->services, service->name));
	}
	mark_passing(s);
	snapshot_put_snat(s->targets, &in->config->nat,
			  vip_flags(in->config, in->config->nat.announce));
	s->snat = snapshot_snat_new(s, &in->config->nat);
	if (!s->snat)
		return no_memory(s, err);
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
	service->before = NULL;
	service->before_until_ns = 0;
	roster_hold(service->roster);
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
		take_over_service(&s->services[id], old);
		if (settle_service(s, &s->services[id], in, previous, old))
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
	for (uint32_t i = 0; s->services && i < s->service_end; i++) {
		maglev_unshare(s->services[i].share);
		maglev_unshare((struct maglev_share *)s->services[i].before);
		roster_drop(s->services[i].roster);
		free(s->services[i].up);
	}
	snapshot_snat_free(s->snat);
	free(s->services);
	free(s->backends);
	free(s->since_ns);
	target_table_free(s->targets);
	policy_free(s->policy);
	free(s);
}
