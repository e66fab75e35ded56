// SPDX-License-Identifier: BSD-2-Clause
/* Control thread. */
#include "lb/snapshot_maglev.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lb/maglev.h"
#include "lb/registry.h"
#include "lb/roster.h"
#include "lb/snapshot.h"

void snapshot_drop_maglev(struct maglev_share *m)
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

int snapshot_take_maglev(struct service *service, const struct service *old,
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
