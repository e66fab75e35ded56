// SPDX-License-Identifier: BSD-2-Clause
/* Control thread. */
#include "lb/snapshot_service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lb/addr.h"
#include "lb/policy_rule.h"
#include "lb/prefix.h"
#include "lb/registry.h"
#include "lb/roster.h"
#include "lb/snapshot.h"
#include "lb/snapshot_maglev.h"

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

void snapshot_route_backend(struct backend *b, const struct next_hop *hop, const struct snapshot *s)
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

int snapshot_settle_service(struct snapshot *s, struct service *service,
			    const struct snapshot_input *in, const struct snapshot *previous,
			    const struct service *old)
{
	static const struct next_hop first_port = {.known = true};
	static const struct backend_control none;
	for (uint32_t i = 0; i < service->member_count; i++) {
		uint32_t id = service->members[i];
		struct backend *b = &s->backends[id];
		snapshot_route_backend(b, in->next_hops ? &in->next_hops[id] : &first_port, s);
		decide_backend(b, &service->roster->entry[i],
			       in->controls ? &in->controls[id] : &none);
	}
	note_begins(s, service, in, previous);
	service->passes =
		service->no_backend == NO_BACKEND_PASS && nobody_serves(service, s->backends);
	int r = mark_up(service, s->backends);
	return r ? r : snapshot_take_maglev(service, old, previous, s, in);
}

static void enlist(struct service *service, struct roster *roster)
{
	service->roster = roster;
	service->members = roster->ids;
	service->member_count = roster->count;
	service->quic = roster->quic;
}

int snapshot_fill_service(struct snapshot *s, const struct snapshot_input *in,
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
	service->half_open_cost = policy_half_open_cost(in->config, config);
	service->least_connections = config->scheduler == SCHEDULER_LEAST_CONNECTIONS;
	service->slow_start_ns = config->slow_start_ms * 1000000ull;
	s->counts |= service->least_connections;
	enlist(service, roster);
	for (uint32_t i = 0; i < roster->count; i++)
		fill_backend(&s->backends[roster->ids[i]], config,
			     &config->backends[roster->entry[i].config], id, s);
	const struct service *old =
		previous && id < previous->service_end ? &previous->services[id] : NULL;
	return snapshot_settle_service(s, service, in, previous, old);
}

void snapshot_take_over_service(struct service *service, const struct service *old)
{
	*service = *old;
	service->share = NULL;
	service->maglev = NULL;
	service->up = NULL;
	service->before = NULL;
	service->before_until_ns = 0;
	roster_hold(service->roster);
}

void snapshot_drop_service(struct service *service)
{
	snapshot_drop_maglev(service->share);
	snapshot_drop_maglev((struct maglev_share *)service->before);
	roster_drop(service->roster);
	free(service->up);
}
