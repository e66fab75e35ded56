// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Control thread. */
#include "lb/roster.h"

#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/quic.h"
#include "lb/registry.h"
#include "lb/snapshot.h"

static int compare_names(const void *a, const void *b, void *service)
{
	const struct config_service *s = service;
	return strcmp(s->backends[((const struct roster_entry *)a)->config].name,
		      s->backends[((const struct roster_entry *)b)->config].name);
}

static int fill_quic(struct roster *r, const struct config_service *s)
{
	if (s->affinity != AFFINITY_QUIC)
		return 0;
	r->quic = quic_servers_new(s->quic.config_id, s->quic.server_id_length, r->count);
	if (!r->quic)
		return -1;
	for (uint32_t i = 0; i < r->count; i++)
		r->quic->servers[i] = (struct quic_server){
			.id = s->backends[r->entry[i].config].server_id.value,
			.backend = r->ids[i],
		};
	quic_servers_sort(r->quic);
	return 0;
}

struct roster *roster_new(const struct config_service *s, const struct registry *backends)
{
	char key[SNAPSHOT_BACKEND_KEY];
	struct roster *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->references = 1;
	r->count = s->backend_count;
	r->ids = calloc(r->count + 1, sizeof(*r->ids));
	r->entry = calloc(r->count + 1, sizeof(*r->entry));
	if (!r->ids || !r->entry)
		goto fail;
	for (uint32_t i = 0; i < r->count; i++)
		r->entry[i].config = i;
	qsort_r(r->entry, r->count, sizeof(*r->entry), compare_names, (void *)s);
	for (uint32_t i = 0; i < r->count; i++) {
		const struct config_backend *b = &s->backends[r->entry[i].config];
		r->entry[i].weight = b->weight;
		r->entry[i].state = b->state;
		r->entry[i].backup = b->backup;
		r->ids[i] = registry_find(backends, snapshot_backend_key(s, b, key, sizeof(key)));
	}
	if (!fill_quic(r, s))
		return r;
fail:
	roster_drop(r);
	return NULL;
}

struct roster *roster_hold(struct roster *r)
{
	r->references++;
	return r;
}

void roster_drop(struct roster *r)
{
	if (!r || --r->references)
		return;
	free(r->ids);
	free(r->entry);
	free(r->quic);
	free(r);
}
