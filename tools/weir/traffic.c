// SPDX-License-Identifier: BSD-2-Clause
/* Each counter has one writer and is read on its own, with a relaxed load. */
#include "tools/weir/traffic.h"

#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/daemon.h"

static uint64_t relaxed(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add_worker(struct traffic *sum, const struct lb_traffic *t)
{
	sum->packets += relaxed(&t->packets);
	sum->bytes += relaxed(&t->bytes);
	sum->flows += relaxed(&t->flows);
}

static void add_fast(struct traffic *sum, const struct fast_traffic *t)
{
	sum->packets += t->packets;
	sum->bytes += t->bytes;
	sum->fast_packets += t->packets;
}

/* An id of -1 (the name has none yet) counts nothing. */
static int64_t backend_id(const struct daemon *d, const struct config_service *s,
			  const struct config_backend *b)
{
	char key[SNAPSHOT_BACKEND_KEY];
	return registry_find(d->backends, snapshot_backend_key(s, b, key, sizeof(key)));
}

static void add_backend_fast(struct traffic *sum, const struct daemon *d, int64_t id)
{
	struct fast_traffic t;
	if (id >= 0 && !engine_fast_traffic(d->engine, id, &t))
		add_fast(sum, &t);
}

struct traffic traffic_of_backend(const struct daemon *d, const struct config_service *s,
				  const struct config_backend *b)
{
	struct traffic sum = {0};
	int64_t id = backend_id(d, s, b);
	for (uint32_t i = 0; id >= 0 && i < engine_worker_count(d->engine); i++) {
		struct engine_worker w;
		engine_worker(d->engine, i, &w);
		add_worker(&sum, &w.lb->backends[id]);
	}
	add_backend_fast(&sum, d, id);
	return sum;
}

struct traffic traffic_of_service(const struct daemon *d, const struct config_service *s)
{
	struct traffic sum = {0};
	struct fast_traffic retired;
	int64_t id = registry_find(d->services, s->name);
	if (id < 0)
		return sum;
	for (uint32_t i = 0; i < engine_worker_count(d->engine); i++) {
		struct engine_worker w;
		engine_worker(d->engine, i, &w);
		add_worker(&sum, &w.lb->services[id]);
	}
	engine_retired_traffic(d->engine, id, &retired);
	add_fast(&sum, &retired);
	for (unsigned int i = 0; i < s->backend_count; i++)
		add_backend_fast(&sum, d, backend_id(d, s, &s->backends[i]));
	return sum;
}
