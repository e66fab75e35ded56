// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/scheduler.h"

#include "bpf/flow.h"
#include "lb/affinity.h"
#include "lb/config.h"
#include "lb/maglev.h"
#include "lb/roster.h"
#include "lb/snapshot.h"

#define SECOND_CHOICE 0x9e3779b97f4a7c15ull /* makes another hash of a flow's */
#define CHOICES       4                     /* hashes tried for one that yields another backend */
#define RAMP_SLOTS    1024u                 /* looked at for one that takes the flow */

/* --- slow start ------------------------------------------------------------------------------ */

/* Whether a backend takes the flow of a hash already: with a chance of its age by its slow start.
 */
static bool is_taken(const struct snapshot *s, const struct service *service, uint32_t position,
		     uint64_t hash, uint64_t now_ns)
{
	uint64_t since_ns = s->since_ns[service->members[position]];
	uint64_t age_ns = now_ns > since_ns ? now_ns - since_ns : 0;
	if (age_ns >= service->slow_start_ns)
		return true;
	uint64_t draw = flow_mix(hash + (position + 1) * SECOND_CHOICE) >> 40; /* 24 bits */
	return draw < (age_ns << 10) / ((service->slow_start_ns >> 14) + 1);
}

/* As maglev_pick(), but for those that do not take the flow yet. If nobody does, the first does. */
static uint32_t pick_ramped(const struct snapshot *s, const struct service *service, uint64_t hash,
			    uint64_t now_ns)
{
	const struct maglev *m = service->maglev;
	uint32_t slot = maglev_slot(m, hash);
	for (uint32_t tries = 0; tries < RAMP_SLOTS; tries++) {
		uint32_t position = m->slots[slot];
		if (maglev_is_up(service->up, position) &&
		    is_taken(s, service, position, hash, now_ns))
			return position;
		slot = slot + 1 < m->size ? slot + 1 : 0;
	}
	return maglev_pick(m, service->up, hash);
}

/* By position; UINT32_MAX: none. */
static uint32_t pick_position(const struct snapshot *s, const struct service *service,
			      uint64_t hash, uint64_t now_ns)
{
	if (now_ns < service->ramp_until_ns)
		return pick_ramped(s, service, hash, now_ns);
	return maglev_pick(service->maglev, service->up, hash);
}

/* --- least connections -------------------------------------------------------------------------
 */

/* Whether backend a, with one flow more, has more for its weight than b has. */
static bool is_busier(const struct snapshot *s, const int32_t *connections, uint32_t a, uint32_t b)
{
	int64_t at_a = __atomic_load_n(&connections[a], __ATOMIC_RELAXED);
	int64_t at_b = __atomic_load_n(&connections[b], __ATOMIC_RELAXED);
	return (at_a + 1) * s->backends[b].weight > (at_b + 1) * s->backends[a].weight;
}

static uint32_t pick_less_busy(const struct snapshot *s, const struct service *service,
			       uint64_t hash, const int32_t *connections, uint64_t now_ns)
{
	uint32_t first = pick_position(s, service, hash, now_ns), second = first;
	for (int i = 1; i < CHOICES && second == first && service->up_count > 1; i++) {
		hash = flow_mix(hash + SECOND_CHOICE);
		second = pick_position(s, service, hash, now_ns);
	}
	if (second == first)
		return first;
	return is_busier(s, connections, service->members[first], service->members[second]) ? second
											    : first;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

uint32_t scheduler_pick(const struct snapshot *s, const struct service *service,
			const struct flow_key *key, const int32_t *connections, uint64_t now_ns)
{
	uint32_t position;
	if (!service->up_count || !service->maglev)
		return ABI_NO_BACKEND;
	uint64_t hash = affinity_hash(service, key);
	if (__builtin_expect(service->least_connections && connections, 0))
		position = pick_less_busy(s, service, hash, connections, now_ns);
	else
		position = pick_position(s, service, hash, now_ns);
	return position == UINT32_MAX ? ABI_NO_BACKEND : service->members[position];
}

/* The backend in the flow's slot of the table before, if that still keeps flows of the service. */
static uint32_t pick_before(const struct snapshot *s, const struct service *service, uint64_t hash)
{
	const struct maglev *m = service->before->table;
	uint32_t id = service->before->roster->ids[m->slots[maglev_slot(m, hash)]];
	const struct backend *b = &s->backends[id];
	if (id >= s->backend_end || !backend_keeps_flows(b) || &s->services[b->service] != service)
		return ABI_NO_BACKEND;
	return id;
}

/* The backend in the flow's slot, if it drains: it has had the slot's flows until it did. */
static uint32_t pick_draining(const struct snapshot *s, const struct service *service,
			      uint32_t owner)
{
	if (owner == ABI_NO_BACKEND || s->backends[owner].state != STATE_DRAIN ||
	    !backend_keeps_flows(&s->backends[owner]))
		return ABI_NO_BACKEND;
	return owner;
}

uint32_t scheduler_pick_stray(const struct snapshot *s, const struct service *service,
			      const struct flow_key *key, uint64_t now_ns, bool *adopt)
{
	uint64_t hash = affinity_hash(service, key);
	const struct maglev *m = service->maglev;
	uint32_t owner = m ? service->members[m->slots[maglev_slot(m, hash)]] : ABI_NO_BACKEND;
	uint32_t before = ABI_NO_BACKEND;
	if (service->before && now_ns < service->before_until_ns)
		before = pick_before(s, service, hash);
	if (before == ABI_NO_BACKEND || before == owner)
		before = pick_draining(s, service, owner);
	*adopt = before != ABI_NO_BACKEND;
	return *adopt ? before : scheduler_pick(s, service, key, NULL, now_ns);
}
