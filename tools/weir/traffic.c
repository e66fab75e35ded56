// SPDX-License-Identifier: BSD-2-Clause
/* Each counter has one writer and is read on its own, with a relaxed load. */
#include "tools/weir/traffic.h"

#include <stdbool.h>
#include <stdlib.h>

#include "datapath/engine.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/daemon.h"

#define PART 64u /* backends read at a time */

struct traffic_book {
	const struct daemon *daemon;
	uint32_t end;              /* of backend ids */
	struct fast_traffic *fast; /* by backend id */
	bool *read;                /* which parts of that are */
};

struct traffic_book *traffic_book_new(const struct daemon *d)
{
	struct traffic_book *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->daemon = d;
	b->end = registry_end(d->backends);
	b->fast = calloc(b->end + 1, sizeof(*b->fast));
	b->read = calloc(b->end / PART + 1, sizeof(*b->read));
	if (b->fast && b->read)
		return b;
	traffic_book_free(b);
	return NULL;
}

void traffic_book_free(struct traffic_book *b)
{
	if (!b)
		return;
	free(b->fast);
	free(b->read);
	free(b);
}

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
	sum->fast_bytes += t->bytes;
}

/*
 * The fast path repeats what a worker has decided: a backend that no worker ever sent to had
 * nothing of it either, and to ask the kernel about it costs more than all the rest.
 */
static bool had_any(const struct engine *e, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < engine_worker_count(e); i++) {
		const struct lb_traffic *t = engine_worker_counters(e, i)->backends + first;
		for (uint32_t n = 0; n < count; n++)
			if (relaxed(&t[n].flows) || relaxed(&t[n].packets))
				return true;
	}
	return false;
}

static void read_part(struct traffic_book *b, uint32_t first)
{
	uint32_t count = b->end - first < PART ? b->end - first : PART;
	if (had_any(b->daemon->engine, first, count))
		engine_fast_traffic(b->daemon->engine, first, count, b->fast + first);
}

/* What the kernel does not tell counts nothing. */
static void add_backend_fast(struct traffic *sum, struct traffic_book *b, int64_t id)
{
	uint32_t part = id / PART;
	if (id < 0 || id >= b->end)
		return;
	if (!b->read[part])
		read_part(b, part * PART);
	b->read[part] = true;
	add_fast(sum, &b->fast[id]);
}

struct traffic traffic_of_backend(struct traffic_book *b, int64_t id)
{
	const struct engine *e = b->daemon->engine;
	struct traffic sum = {0};
	for (uint32_t i = 0; id >= 0 && i < engine_worker_count(e); i++)
		add_worker(&sum, &engine_worker_counters(e, i)->backends[id]);
	add_backend_fast(&sum, b, id);
	return sum;
}

static void add_members(struct traffic *sum, struct traffic_book *b, int64_t service)
{
	const struct snapshot *s = engine_snapshot(b->daemon->engine);
	if (!s || service >= s->service_end || !s->services[service].present)
		return;
	for (uint32_t i = 0; i < s->services[service].member_count; i++)
		add_backend_fast(sum, b, s->services[service].members[i]);
}

struct traffic traffic_of_service(struct traffic_book *b, int64_t id)
{
	const struct engine *e = b->daemon->engine;
	struct traffic sum = {0};
	struct fast_traffic retired;
	if (id < 0)
		return sum;
	for (uint32_t i = 0; i < engine_worker_count(e); i++)
		add_worker(&sum, &engine_worker_counters(e, i)->services[id]);
	engine_retired_traffic(e, id, &retired);
	add_fast(&sum, &retired);
	add_members(&sum, b, id);
	return sum;
}
