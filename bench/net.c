// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row after the other; in each the trials of Weir and of the baseline take turns, so that what
 * the machine does meanwhile happens to both. With the fast path all of it runs on one CPU, the
 * generator's; without it the worker has another one.
 */
#include "bench/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/stage.h"
#include "lb/err.h"

/* Flows of the comparison with testpmd, which knows of none. */
#define WORKER_FLOWS 1000u

/* Entries of the flow table: as many as there are by default, or twice the flows. */
#define ENTRIES_MIN (1u << 16)

struct target {
	uint32_t flows;
	double ratio;
};

/* What is wanted of the fast path, from so many flows on. */
static const struct target targets[] = {{1000000, 0.65}, {100000, 0.70}, {0, 0.95}};

static double target_of(uint32_t flows)
{
	const struct target *t = targets;
	while (flows < t->flows)
		t++;
	return t->ratio;
}

/* Tables are sized for the flows they hold, with room for as many again. */
static uint32_t entries_for(uint32_t flows)
{
	return flows * 2 > ENTRIES_MIN ? flows * 2 : ENTRIES_MIN;
}

static double mpps(const struct stage_run *run)
{
	return run->received[TRAFFIC_FLOW] / run->seconds / 1e6;
}

/* One line a row, which a terminal sees grow. */
static void progress(const struct net_row *row, uint32_t trials, unsigned int done)
{
	if (done == trials)
		fprintf(stderr, "%s%s, %u flows: %u trials done\n", isatty(2) ? "\r" : "", row->way,
			row->flows, trials);
	else if (isatty(2))
		fprintf(stderr, "\r%s, %u flows: trial %u of %u ", row->way, row->flows, done + 1,
			trials);
}

/* --- the fast path ---------------------------------------------------------------------------- */

struct pair {
	struct stage stage;
	struct dut weir, plain;
};

static int open_pair(struct pair *p, struct err *err)
{
	*p = (struct pair){.weir = {.wire.far = -1, .link = -1},
			   .plain = {.wire.far = -1, .link = -1}};
	int r = stage_open(&p->stage, 0, err);
	if (!r)
		r = stage_add(&p->stage, &p->weir, "weir", err);
	if (!r)
		r = stage_add(&p->stage, &p->plain, "plain", err);
	if (!r)
		r = generator_shape(&p->stage.generator, TRAFFIC_FLOW, IPPROTO_UDP, 0, err);
	return r;
}

static void close_pair(struct pair *p)
{
	dut_close(&p->weir);
	dut_close(&p->plain);
	stage_close(&p->stage);
}

/* One trial of both, of which the first of a row is not kept: caches are cold. */
static int try_both(struct pair *p, const struct net_options *o, struct net_row *row, int trial,
		    struct err *err)
{
	struct stage_run weir, plain;
	int r = stage_run(&p->stage, &p->plain, o->seconds, &plain, err);
	if (!r)
		r = stage_run(&p->stage, &p->weir, o->seconds, &weir, err);
	if (!r && (mpps(&plain) == 0 || mpps(&weir) == 0))
		r = err_set(err, EIO, "nothing comes back from %s",
			    mpps(&plain) == 0 ? "the baseline" : "Weir");
	if (r || trial < 0)
		return r;
	row->mpps[trial] = mpps(&weir);
	row->baseline_mpps[trial] = mpps(&plain);
	row->ratio[trial] = mpps(&weir) / mpps(&plain);
	return 0;
}

/* The row's method, fast or by a worker, beside XDP_TX. */
static int measure_fast(struct pair *p, const struct net_options *o, struct net_row *row,
			struct err *err)
{
	struct dut_status status;
	struct dut_weir setup = {
		.forward = row->forward,
		.protocol = IPPROTO_UDP,
		.fast_path = !row->by_workers,
		.entries = entries_for(row->flows),
		.cpu = o->worker_cpu,
	};
	int r = dut_start_weir(&p->weir, o->weir, o->folder, &setup, err);
	if (!r && !row->by_workers)
		r = stage_learn(&p->stage, &p->weir, IPPROTO_UDP, row->flows, err);
	if (!r)
		r = dut_read_weir(&p->weir, &status, err);
	if (r)
		return r;
	row->tracked = row->by_workers ? row->flows : status.inserts;
	stage_mix(&p->stage, row->flows, 0);
	for (int trial = -1; trial < (int)o->trials && !r; trial++) {
		progress(row, o->trials, trial < 0 ? 0 : trial);
		r = try_both(p, o, row, trial, err);
	}
	if (!r)
		progress(row, o->trials, o->trials);
	dut_stop(&p->weir);
	return r;
}

/*
 * The methods beside dsr, with the fast path and without it. Of tunnels as much is wanted as Katran
 * has with ipip (docs/benchmarks.md).
 */
static const struct method {
	const char *fast, *slow, *forward;
	double target;
} methods[] = {
	{NULL, "workers, dsr", NULL, 0},
	{"fast path, ipip", "workers, ipip", "ipip", 0.7},
	{"fast path, gue", "workers, gue", "gue", 0.7},
	{"fast path, nat", "workers, nat", "nat", 0.6},
};
#define METHOD_COUNT (sizeof(methods) / sizeof(methods[0]))
_Static_assert(2 * METHOD_COUNT <= NET_METHODS_MAX, "rows");

static int measure_method(struct pair *p, const struct net_options *o, struct net_result *out,
			  const struct method *m, bool by_workers, struct err *err)
{
	const char *way = by_workers ? m->slow : m->fast;
	if (!way)
		return 0;
	struct net_row *row = &out->rows[out->row_count++];
	row->way = way;
	row->baseline = "XDP_TX";
	row->forward = m->forward;
	row->by_workers = by_workers;
	row->flows = WORKER_FLOWS;
	row->target = by_workers ? 0 : m->target;
	return measure_fast(p, o, row, err);
}

static int measure_methods(struct pair *p, const struct net_options *o, struct net_result *out,
			   struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < METHOD_COUNT && !r; i++) {
		r = measure_method(p, o, out, &methods[i], false, err);
		r = r ? r : measure_method(p, o, out, &methods[i], true, err);
	}
	return r;
}

/*
 * Beside XDP_TX, for what is wanted; and beside a program that looks into a table of that size too,
 * for what of the difference is Weir's own, and what the machine's memory.
 */
static int measure_flows(struct pair *p, const struct net_options *o, struct net_result *out,
			 uint32_t flows, struct err *err)
{
	struct net_row *plain = &out->rows[out->row_count++], *looked = plain + 1;
	plain->way = "fast path";
	plain->baseline = "XDP_TX";
	plain->flows = flows;
	plain->target = target_of(flows);
	int r = dut_start_reflect(&p->plain, err);
	r = r ? r : measure_fast(p, o, plain, err);
	dut_stop(&p->plain);
	if (r)
		return r;
	out->row_count++;
	looked->way = "fast path";
	looked->baseline = "XDP_TX and a look-up";
	looked->flows = flows;
	r = dut_start_look_up(&p->plain, entries_for(flows), err);
	r = r ? r : measure_fast(p, o, looked, err);
	dut_stop(&p->plain);
	return r;
}

static int measure_fast_rows(const struct net_options *o, struct net_result *out, struct err *err)
{
	struct pair pair;
	int r = open_pair(&pair, err);
	for (unsigned int i = 0; i < o->flows.count && o->parts & NET_FAST && !r; i++)
		r = measure_flows(&pair, o, out, o->flows.values[i], err);
	if (o->parts & NET_METHODS && !r) {
		r = dut_start_reflect(&pair.plain, err);
		r = r ? r : measure_methods(&pair, o, out, err);
	}
	close_pair(&pair);
	return r;
}

/* --- the workers ------------------------------------------------------------------------------ */

static int try_weir_worker(struct pair *p, const struct net_options *o, double *out,
			   struct err *err)
{
	struct stage_run run;
	struct dut_weir setup = {
		.protocol = IPPROTO_UDP, .entries = ENTRIES_MIN, .cpu = o->worker_cpu};
	int r = dut_start_weir(&p->weir, o->weir, o->folder, &setup, err);
	if (!r)
		r = stage_run(&p->stage, &p->weir, o->seconds, &run, err);
	dut_stop(&p->weir);
	*out = r ? 0 : mpps(&run);
	return r;
}

static int try_testpmd(struct pair *p, const struct net_options *o, double *out, struct err *err)
{
	struct stage_run run;
	int r = dut_start_testpmd(&p->plain, o->folder, o->worker_cpu, err);
	if (!r)
		r = stage_run(&p->stage, &p->plain, o->seconds, &run, err);
	dut_stop(&p->plain);
	*out = r ? 0 : mpps(&run);
	return r;
}

/* Each is started anew for its trial: testpmd keeps the worker's CPU busy even when idle. */
static int measure_workers(struct pair *p, const struct net_options *o, struct net_row *row,
			   struct err *err)
{
	struct err why = {};
	int r = 0;
	stage_mix(&p->stage, row->flows, 0);
	for (unsigned int i = 0; i < o->trials && !r; i++) {
		progress(row, o->trials, i);
		if (!row->missing[0] && try_testpmd(p, o, &row->baseline_mpps[i], &why))
			snprintf(row->missing, sizeof(row->missing), "%.255s", why.text);
		r = try_weir_worker(p, o, &row->mpps[i], err);
		if (!row->missing[0])
			row->ratio[i] = row->mpps[i] / row->baseline_mpps[i];
	}
	if (!r)
		progress(row, o->trials, o->trials);
	return r;
}

static int measure_worker_row(const struct net_options *o, struct net_result *out, struct err *err)
{
	struct pair pair;
	struct net_row *row = &out->rows[out->row_count++];
	int r = open_pair(&pair, err);
	row->way = "workers";
	row->baseline = "testpmd";
	row->flows = row->tracked = WORKER_FLOWS;
	row->target = 1;
	if (!r)
		r = measure_workers(&pair, o, row, err);
	close_pair(&pair);
	return r;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* In seconds, roughly: what starting and learning take was measured. */
static unsigned int estimate(const struct net_options *o)
{
	double both = 2 * (o->seconds + 0.5), all = 0;
	for (unsigned int i = 0; i < o->flows.count && o->parts & NET_FAST; i++)
		all += 2 * (2 + (o->trials + 1) * both + o->flows.values[i] * 15e-6);
	if (o->parts & NET_METHODS)
		all += (2 * METHOD_COUNT - 1) * (2 + (o->trials + 1) * both);
	if (o->parts & NET_WORKERS)
		all += o->trials * (both + 4);
	if (o->parts & NET_FILTER)
		all += 20 + NET_FILTER_ROWS * (2 + (o->trials + 1) * both);
	if (o->parts & NET_CAPTURE)
		all += 15 + (o->trials + 1) * both;
	if (o->flood_seconds && o->parts & NET_FLOOD)
		all += o->flood_seconds + 40 + o->flood_flows * 25e-6;
	return all;
}

int net_measure(struct net_result *out, struct err *err)
{
	const struct net_options *o = &out->options;
	fprintf(stderr, "this takes about %u s\n", estimate(o));
	int r = 0;
	if (o->parts & (NET_FAST | NET_METHODS))
		r = measure_fast_rows(o, out, err);
	if (!r && o->parts & NET_WORKERS)
		r = measure_worker_row(o, out, err);
	if (!r && o->parts & NET_FILTER)
		r = net_measure_filter(out, err);
	if (!r && o->parts & NET_CAPTURE)
		r = net_measure_capture(out, err);
	if (!r && o->flood_seconds && o->parts & NET_FLOOD) {
		fprintf(stderr, "SYN flood, %u s beside %u connections\n", o->flood_seconds,
			o->flood_flows);
		r = net_measure_flood(o, &out->flood, err);
	}
	return r;
}
