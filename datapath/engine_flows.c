// SPDX-License-Identifier: BSD-2-Clause
/* What the engine does with the flow table. Control thread only. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/engine.h"
#include "datapath/engine_state.h"
#include "datapath/program.h"
#include "lb/flow_ring.h"
#include "lb/snapshot.h"

#define SWEEP_TICKS 50 /* ticks of 100 ms in which the whole flow table is swept */

int engine_put_translations(struct engine *e, struct err *err)
{
	bool any = e->instance.flows.translations;
	return program_set_translations(e->program, any ? e->instance.translation_array.fd : -1,
					err);
}

int engine_use_nat(struct engine *e, struct err *err)
{
	if (e->instance.flows.translations)
		return 0;
	int r = instance_use_translations(&e->instance, err);
	return r ? r : engine_put_translations(e, err);
}

/* Which backends may keep their flows, by id; NULL without memory (then all do). */
static uint64_t *backends_that_keep_flows(const struct snapshot *s)
{
	uint64_t *keep = calloc(ABI_MAX_BACKENDS / 64, sizeof(*keep));
	for (uint32_t id = 0; keep && id < s->backend_end; id++)
		if (backend_keeps_flows(&s->backends[id]))
			keep[id / 64] |= 1ull << (id % 64);
	return keep;
}

void engine_tick(struct engine *e, uint64_t now_ns)
{
	engine_put_off_interrupts(e);
	engine_pin_interrupts(e);
	if (!e->snapshot)
		return;
	uint64_t *keep = backends_that_keep_flows(e->snapshot);
	uint64_t buckets = (e->instance.flows.mask + SWEEP_TICKS) / SWEEP_TICKS;
	if (flow_table_sweep(&e->instance.flows, &e->sweep_position, buckets, keep, now_ns,
			     &e->sweep)) {
		e->last_sweep = e->sweep;
		e->sweep = (struct flow_sweep){};
	}
	free(keep);
}

void engine_flows(const struct engine *e, uint64_t entries[FLOW_STATES])
{
	memcpy(entries, e->last_sweep.entries, sizeof(e->last_sweep.entries));
}

uint64_t engine_translated_flows(const struct engine *e)
{
	return e->last_sweep.translated;
}

const struct flow_table *engine_flow_table(const struct engine *e)
{
	return &e->instance.flows;
}

/* --- for other nodes -------------------------------------------------------------------------- */

int engine_make_rings(struct engine *e)
{
	for (uint32_t i = 0; e->shared.flow_rings && i < e->worker_count; i++) {
		if (e->flow_rings[i])
			continue;
		struct flow_ring *r = aligned_alloc(64, sizeof(*r));
		if (!r)
			return -ENOMEM;
		memset(r, 0, sizeof(*r));
		__atomic_store_n(&e->flow_rings[i], r, __ATOMIC_RELEASE);
	}
	return 0;
}

void engine_free_rings(struct engine *e)
{
	for (uint32_t i = 0; i < ABI_MAX_QUEUES; i++)
		free(e->flow_rings[i]);
}

struct flow_ring *engine_flow_ring(struct engine *e, uint32_t worker)
{
	return worker < ABI_MAX_QUEUES ? __atomic_load_n(&e->flow_rings[worker], __ATOMIC_ACQUIRE)
				       : NULL;
}

struct flow_table *engine_shared_flows(struct engine *e)
{
	return &e->instance.flows;
}
