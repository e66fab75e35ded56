// SPDX-License-Identifier: BSD-2-Clause
/* `weir-bench latency`: how long packets take, at chosen loads. */
#include "bench/latency_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/latency_rows.h"
#include "bench/path.h"
#include "bench/quantiles.h"
#include "bench/rate.h"
#include "bench/report.h"
#include "bench/setting.h"
#include "bench/stop.h"
#include "bench/trial.h"
#include "bpf/histogram.h"
#include "lb/err.h"

#define LOADS_MAX 16u

struct loads {
	struct rate rates[LOADS_MAX];
	char names[LOADS_MAX][24];
	unsigned int count;
};

struct latency_options {
	struct path_settings path;
	struct loads loads;
	double seconds, settle, warm_up;
	struct report_files files;
};

static const char usage[] =
	"Usage: weir-bench latency --from INTERFACE --to INTERFACE,... --destination ADDRESS "
	"[OPTION...]\n"
	"\n"
	"How long packets take from one end to the other, both on this host, at each of some "
	"loads:\n"
	"from the moment they are given to the kernel to the moment the receiver's XDP program "
	"sees\n"
	"them. With --to the interface of --from it is the round trip by whoever sends them back.\n"
	"\n"
	"  --loads RATE,...   1kpps, 50%, max (1kpps,10kpps,100kpps)\n"
	"  --seconds N        at each (5)\n"
	"  --warm-up N        seconds at the first load that do not count (1)\n"
	"  --settle N         seconds before each (0.5)\n" PATH_USAGE REPORT_USAGE;

static bool read_loads(const struct setting *s, const char *text)
{
	struct loads *l = s->out;
	l->count = 0;
	for (const char *at = text; *at;) {
		size_t length = strcspn(at, ",");
		if (l->count == LOADS_MAX || length >= sizeof(l->names[0]))
			return false;
		snprintf(l->names[l->count], sizeof(l->names[0]), "%.*s", (int)length, at);
		const struct setting one = {.out = &l->rates[l->count]};
		if (!rate_read(&one, l->names[l->count++]))
			return false;
		at += length + (at[length] == ',');
	}
	return l->count;
}

static int read_options(int argc, char **argv, struct latency_options *o)
{
	const struct setting settings[] = {
		{"loads", read_loads, .out = &o->loads, .wanted = RATE_WANTED},
		{"seconds", setting_real, .out = &o->seconds, .min = 0.1, .max = 3600},
		{"settle", setting_real, .out = &o->settle, .min = 0, .max = 60},
		{"warm-up", setting_real, .out = &o->warm_up, .min = 0, .max = 60},
		PATH_SETTINGS(&o->path),
		REPORT_SETTINGS(&o->files),
	};
	*o = (struct latency_options){.seconds = 5, .settle = 0.5, .warm_up = 1};
	path_settings_init(&o->path);
	read_loads(&(struct setting){.out = &o->loads}, "1kpps,10kpps,100kpps");
	return settings_read(argc, argv, usage, settings, sizeof(settings) / sizeof(settings[0]),
			     NULL);
}

/* --- measuring -------------------------------------------------------------------------------- */

/* Tables and curves that each load adds to. */
struct tables {
	json_t *table, *by_load[3], *distribution;
};

static const double plotted[] = {0.5, 0.99, 0.999};

static void make_tables(const struct path *p, json_t *report, struct tables *t)
{
	static const struct report_column columns[] = {
		{"load", "load", .sort = REPORT_NAME},
		{"pps", "packets/s", REPORT_REAL, .digits = 0},
		LATENCY_COLUMNS,
		{"lost", "lost %", REPORT_REAL, .digits = 4, .better = REPORT_LESS},
	};
	static const struct report_axes loads = {"load, packets a second", "latency, us",
						 .log_x = 1, .log_y = 1};
	static const struct report_axes parts = {"one packet in so many takes longer",
						 "latency, us", .log_x = 1, .log_y = 1};
	static const char *const names[] = {"median", "99 %", "99.9 %"};
	json_t *plot;
	path_describe(p, report);
	t->table =
		report_table(report, "latency", "", columns, sizeof(columns) / sizeof(columns[0]));
	plot = report_plot(report, "latency", "Latency by load", &loads);
	for (unsigned int i = 0; i < 3; i++)
		t->by_load[i] = report_curve(plot, names[i]);
	t->distribution =
		report_plot(report, "distribution", "Latency by share of packets", &parts);
}

static void note_load(const struct tables *t, const char *name, const struct trial *trial)
{
	json_t *row = report_row(t->table);
	report_text(row, "load", "%s", name);
	report_number(row, "pps", trial->rate);
	latency_fill_row(row, trial->latency);
	report_number(row, "lost", 100 * trial->loss);
	for (unsigned int i = 0; i < 3; i++)
		report_point(t->by_load[i], trial->rate,
			     quantiles_at(trial->latency, plotted[i]) / 1e3);
	latency_fill_curve(report_curve(t->distribution, name), trial->latency);
}

static int measure_load(struct path *p, const struct trial_setup *setup,
			const struct latency_options *o, unsigned int i, const struct tables *t,
			struct err *err)
{
	struct trial trial = {.seconds = o->seconds};
	int r = rate_in_pps(&o->loads.rates[i], p->mean_length, p->from.line_bps, &trial.pps, err);
	trial.latency = calloc(HISTOGRAM_SLOTS, sizeof(*trial.latency));
	if (!r && !trial.latency)
		r = err_set(err, ENOMEM, "no memory for latencies");
	fprintf(stderr, "load %u of %u: %s\n", i + 1, o->loads.count, o->loads.names[i]);
	r = r ? r : trial_run(setup, &trial, err);
	if (!r && trial.sent && !trial.received)
		r = path_is_silent(p, trial.sent, err);
	if (!r)
		note_load(t, o->loads.names[i], &trial);
	free(trial.latency);
	return r;
}

static int measure(struct path *p, const struct latency_options *o, json_t *report, struct err *err)
{
	struct trial_setup setup = {.sender = p->sender,
				    .receiver = p->receiver,
				    .settle_s = o->settle,
				    .latency_before = calloc(HISTOGRAM_SLOTS, sizeof(uint64_t))};
	struct tables t;
	uint64_t *ignored = calloc(HISTOGRAM_SLOTS, sizeof(*ignored));
	struct trial warm_up = {.seconds = o->warm_up, .latency = ignored};
	int r = setup.latency_before && ignored ? 0
						: err_set(err, ENOMEM, "no memory for latencies");
	if (!p->stream.shape.stamps && !r)
		r = err_set(err, EINVAL, "without stamps nobody knows how long packets took");
	r = r ? r
	      : rate_in_pps(&o->loads.rates[0], p->mean_length, p->from.line_bps, &warm_up.pps,
			    err);
	if (!r && o->warm_up > 0)
		r = trial_run(&setup, &warm_up, err);
	make_tables(p, report, &t);
	for (unsigned int i = 0; i < o->loads.count && !r && !stop_is_wanted(); i++)
		r = measure_load(p, &setup, o, i, &t, err);
	free(setup.latency_before);
	free(ignored);
	return r;
}

static int run(struct latency_options *o, struct err *err)
{
	struct path p = {.from.ns = -1};
	json_t *report = report_new("latency");
	int r = report_check_files(&o->files, err);
	if (!r && !o->path.to)
		r = err_set(err, EINVAL, "where are they received? --to INTERFACE,...");
	r = r ? r : path_open(&p, &o->path, err);
	r = r ? r : measure(&p, o, report, err);
	r = r ? r : report_save(report, &o->files, err);
	path_close(&p);
	json_decref(report);
	return r;
}

int command_latency(int argc, char **argv)
{
	struct latency_options o;
	struct err err = {};
	int status = read_options(argc, argv, &o);
	if (status >= 0)
		return status;
	stop_watch();
	return settings_exit(argv[0], run(&o, &err), &err);
}
