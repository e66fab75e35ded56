// SPDX-License-Identifier: BSD-2-Clause
/*
 * The daemon as a whole. It is asked for often, by who looks whether all is well, so each worker
 * and each port is looked at once. Control thread; reads only.
 */
#include "tools/weir/state.h"

#include <time.h>
#include <unistd.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "tools/weir/capture.h"
#include "tools/weir/daemon.h"
#include "tools/weir/state_sync.h"
#include "tools/weir/daemon_routes.h"

/* Of all workers and ports together. */
struct sums {
	uint64_t inserts, evictions, untracked, guarded;
	struct lb_fragments fragments;
	uint64_t held;
	uint64_t fast, worker;              /* packets sent, by whom */
	uint64_t dropped[ABI_REASON_SLOTS]; /* by XDP programs and workers, of fragments alone */
};

static uint64_t relaxed(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* json_pack() takes its integers through an ellipsis: they must have exactly its type. */
static json_int_t figure(uint64_t value)
{
	return (json_int_t)value;
}

static void add_fragment_drops(struct sums *s, const uint64_t dropped[])
{
	static const enum reason reasons[] = {REASON_FRAGMENT_UNMATCHED, REASON_FRAGMENT_TINY,
					      REASON_FRAGMENT_OVERLAP};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		s->dropped[reasons[i]] += relaxed(&dropped[reasons[i]]);
}

static void add_fragments(struct lb_fragments *sum, const struct lb_fragments *f)
{
	sum->first += relaxed(&f->first);
	sum->forgotten += relaxed(&f->forgotten);
	sum->followed += relaxed(&f->followed);
	sum->waited += relaxed(&f->waited);
	sum->timed_out += relaxed(&f->timed_out);
	sum->refused += relaxed(&f->refused);
}

static void add_worker(struct sums *s, const struct engine_worker *w)
{
	s->inserts += relaxed(&w->lb->flow_inserts);
	s->evictions += relaxed(&w->lb->flow_evictions);
	s->untracked += relaxed(&w->lb->flow_untracked);
	s->guarded += relaxed(&w->lb->flow_guarded);
	s->held += w->held;
	s->worker += w->counters.tx_packets - w->counters.tx_failed;
	add_fragments(&s->fragments, &w->lb->fragments);
	add_fragment_drops(s, w->lb->dropped);
}

static struct sums sums_of(const struct engine *e)
{
	struct sums s = {0};
	struct port_counters port;
	struct engine_worker w;
	for (uint32_t i = 0; i < engine_port_count(e); i++) {
		if (engine_port_counters(e, i, &port))
			continue;
		s.fast += port.transmitted;
		add_fragment_drops(&s, (const uint64_t *)port.dropped);
	}
	for (uint32_t i = 0; i < engine_worker_count(e); i++) {
		engine_worker(e, i, &w);
		add_worker(&s, &w);
	}
	return s;
}

static json_t *flow_table_json(const struct daemon *d, const struct sums *s)
{
	uint64_t entries[FLOW_STATES] = {0};
	engine_flows(d->engine, entries);
	return json_pack("{s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I}", "capacity",
			 figure(d->config->flow_entries), "entries", "handshake",
			 figure(entries[FLOW_HANDSHAKE]), "established",
			 figure(entries[FLOW_ESTABLISHED]), "closing",
			 figure(entries[FLOW_CLOSING]), "udp", figure(entries[FLOW_UDP]), "inserts",
			 figure(s->inserts), "evictions", figure(s->evictions), "untracked",
			 figure(s->untracked), "guarded", figure(s->guarded));
}

/* struct lb_fragments, those that wait right now as `held`, and drops. */
static json_t *fragments_json(const struct sums *s)
{
	const struct lb_fragments *f = &s->fragments;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "first",
			 figure(f->first), "forgotten", figure(f->forgotten), "followed",
			 figure(f->followed), "waited", figure(f->waited), "held", figure(s->held),
			 "timed_out", figure(f->timed_out), "refused", figure(f->refused),
			 "unmatched", figure(s->dropped[REASON_FRAGMENT_UNMATCHED]), "tiny",
			 figure(s->dropped[REASON_FRAGMENT_TINY]), "overlap",
			 figure(s->dropped[REASON_FRAGMENT_OVERLAP]));
}

/* Whether the daemon before left flows, or why those that it left are gone. */
static json_t *takeover_json(const struct engine *e)
{
	const char *replaced = NULL;
	bool inherited = engine_inherited(e, &replaced);
	return json_pack("{s:b, s:s?}", "flows", inherited, "replaced", replaced);
}

json_t *state_status(const struct daemon *d)
{
	struct timespec now;
	uint64_t now_ns;
	bool drops = d->config->on_daemon_loss == DAEMON_LOSS_DROP;
	const struct sums s = sums_of(d->engine);
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
	return json_pack(
		"{s:s, s:s, s:i, s:I, s:I, s:s, s:i, s:i, s:i, s:o, s:o, s:{s:I, s:I}, s:o, s:s, "
		"s:o, s:o, s:o}",
		"version", WEIR_VERSION, "instance", d->config->instance, "pid", (int)getpid(),
		"uptime_s", figure((now_ns - d->start_ns) / 1000000000u), "generation",
		figure(d->generation), "config", d->config_path, "services",
		(int)d->config->service_count, "interfaces", (int)d->config->interface_count,
		"captures", (int)captures_count(d->captures), "flow_table", flow_table_json(d, &s),
		"fragments", fragments_json(&s), "packets", "fast", figure(s.fast), "worker",
		figure(s.worker), "takeover", takeover_json(d->engine), "on_daemon_loss",
		drops ? "drop" : "pass", "routes", daemon_routes_json(d), "drain",
		drain_json(d, now_ns), "sync", state_sync(d));
}
