// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/state_fragments.h"

#include "datapath/engine.h"
#include "lb/process.h"

static void add(json_int_t *sum, const uint64_t *counter)
{
	*sum += (json_int_t)__atomic_load_n(counter, __ATOMIC_RELAXED);
}

static json_int_t dropped(const struct engine_drops *drops, enum reason reason)
{
	return (json_int_t)(drops->xdp[reason] + drops->kernel[reason] + drops->worker[reason]);
}

json_t *state_fragments(const struct engine *e)
{
	json_int_t first = 0, forgotten = 0, followed = 0, waited = 0, held = 0, timed_out = 0,
		   refused = 0;
	struct engine_drops drops = {0};
	struct engine_worker w;
	for (uint32_t i = 0; i < engine_worker_count(e); i++) {
		engine_worker(e, i, &w);
		const struct lb_fragments *f = &w.lb->fragments;
		add(&first, &f->first);
		add(&forgotten, &f->forgotten);
		add(&followed, &f->followed);
		add(&waited, &f->waited);
		add(&timed_out, &f->timed_out);
		add(&refused, &f->refused);
		held += w.held;
	}
	engine_drops(e, &drops);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "first", first,
			 "forgotten", forgotten, "followed", followed, "waited", waited, "held",
			 held, "timed_out", timed_out, "refused", refused, "unmatched",
			 dropped(&drops, REASON_FRAGMENT_UNMATCHED), "tiny",
			 dropped(&drops, REASON_FRAGMENT_TINY), "overlap",
			 dropped(&drops, REASON_FRAGMENT_OVERLAP));
}
