// SPDX-License-Identifier: BSD-2-Clause
/*
 * `weir-bench engines`: how good the harness itself is. Its engines beside the plainest loop of
 * each kind, in turns over the same wire; its receiver beside one that only counts; the rates that
 * come out beside those that were asked for; and what more threads and longer frames make of it.
 */
#include "bench/engines_command.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/engines.h"
#include "bench/lab.h"
#include "bench/report.h"
#include "bench/setting.h"
#include "bench/stats.h"
#include "lb/err.h"

#define TRIALS_MAX  50u
#define THREADS_MAX 8u
#define NEAR_MOST   0.9 /* of what an engine can: there pacing is looked at last */
#define COUNT(list) (sizeof(list) / sizeof(list[0]))

struct engines_options {
	uint32_t trials;
	double seconds;
	struct report_files files;
};

static const char usage[] =
	"Usage: weir-bench engines [OPTION...]\n"
	"\n"
	"How good the harness is, over virtual Ethernet in namespaces of its own, as root: send's\n"
	"engines beside the plain AF_XDP loop of the kernel's documentation and a bare loop of "
	"live\n"
	"frames, the receiver beside one that only counts, the rates that come out beside those "
	"that\n"
	"were asked for, and rates by frame size and by cores.\n"
	"\n"
	"  --trials N         of each (5); --seconds N: of each trial (1)\n" REPORT_USAGE;

static const char *engine_name(enum sender_engine engine)
{
	return engine == SENDER_XSK ? "xsk" : "live";
}

/* All trials of one kind, in packets a second. */
static int try_all(struct engines *e, const struct engines_options *o, struct engines_trial t,
		   double rates[TRIALS_MAX], struct err *err)
{
	int r = 0;
	t.seconds = o->seconds;
	for (unsigned int i = 0; i < o->trials && !r; i++)
		r = engines_try(e, &t, &rates[i], err);
	return r;
}

/* --- beside the plainest loops ---------------------------------------------------------------- */

#define TRIAL(e, with_stamps, by)                             \
	{                                                     \
		.engine = e, .stamps = with_stamps, .ear = by \
	}

static const struct duel {
	const char *name, *baseline;
	struct engines_trial ours, plain;
} duels[] = {
	{"xsk", "plain AF_XDP loop", TRIAL(SENDER_XSK, false, RECEIVER_COUNTS),
	 TRIAL(SENDER_PLAIN, false, RECEIVER_COUNTS)},
	{"xsk, with stamps", "plain AF_XDP loop", TRIAL(SENDER_XSK, true, RECEIVER_COUNTS),
	 TRIAL(SENDER_PLAIN, false, RECEIVER_COUNTS)},
	{"live", "bare live frames", TRIAL(SENDER_LIVE, false, RECEIVER_COUNTS),
	 TRIAL(SENDER_BARE, false, RECEIVER_COUNTS)},
	{"live, with stamps", "bare live frames", TRIAL(SENDER_LIVE, true, RECEIVER_COUNTS),
	 TRIAL(SENDER_BARE, false, RECEIVER_COUNTS)},
	{"live, stamps read", "live, with stamps", TRIAL(SENDER_LIVE, true, RECEIVER_READS),
	 TRIAL(SENDER_LIVE, true, RECEIVER_COUNTS)},
};

static int try_mpps(struct engines *e, struct engines_trial t, double seconds, double *mpps,
		    struct err *err)
{
	t.seconds = seconds;
	int r = engines_try(e, &t, mpps, err);
	*mpps /= 1e6;
	return r;
}

static int measure_duel(struct engines *e, const struct duel *d, const struct engines_options *o,
			json_t *table, struct err *err)
{
	double plain[TRIALS_MAX], ours[TRIALS_MAX], ratio[TRIALS_MAX], ignored;
	int r = try_mpps(e, d->ours, 0.2, &ignored, err);
	for (unsigned int i = 0; i < o->trials && !r; i++) {
		r = try_mpps(e, d->plain, o->seconds, &plain[i], err);
		r = r ? r : try_mpps(e, d->ours, o->seconds, &ours[i], err);
		ratio[i] = r ? 0 : ours[i] / plain[i];
	}
	if (r)
		return err_prefix(err, -r, "%s", d->name);
	json_t *row = report_row(table);
	report_text(row, "engine", "%s", d->name);
	report_text(row, "baseline", "%s", d->baseline);
	report_sample(row, "baseline_mpps", plain, o->trials);
	report_sample(row, "mpps", ours, o->trials);
	report_sample(row, "ratio", ratio, o->trials);
	fprintf(stderr, "%s: %.2f of the %s\n", d->name, stats_of(ratio, o->trials).median,
		d->baseline);
	return 0;
}

static int measure_duels(struct engines *e, const struct engines_options *o, json_t *report,
			 struct err *err)
{
	static const struct report_column columns[] = {
		{"engine", "engine", .sort = REPORT_NAME},
		{"baseline", "baseline", .sort = REPORT_NAME},
		{"baseline_mpps", "baseline Mpps", REPORT_SAMPLE, .digits = 2},
		{"mpps", "Mpps", REPORT_SAMPLE, .digits = 2, .better = REPORT_MORE},
		{"ratio", "ratio", REPORT_SAMPLE, .digits = 2, .better = REPORT_MORE},
	};
	json_t *table = report_table(report, "engines", "Engines beside the plainest loops",
				     columns, COUNT(columns));
	int r = 0;
	for (size_t i = 0; i < COUNT(duels) && !r; i++)
		r = measure_duel(e, &duels[i], o, table, err);
	report_note(table, "counted by an XDP program that does no more; in the last row by one "
			   "that reads each packet's stamp, with its sequence and latency, in the "
			   "same kernel and mostly on the same CPU as the sender");
	return r;
}

/* --- pacing ----------------------------------------------------------------------------------- */

static int measure_rate(struct engines *e, enum sender_engine engine, double pps,
			const struct engines_options *o, json_t *table, struct err *err)
{
	const struct engines_trial t = {
		.engine = engine, .stamps = true, .ear = RECEIVER_TIMES, .pps = pps};
	double rates[TRIALS_MAX], off[TRIALS_MAX];
	int r = try_all(e, o, t, rates, err);
	if (r)
		return r;
	for (unsigned int i = 0; i < o->trials; i++)
		off[i] = 100 * (rates[i] / pps - 1);
	json_t *row = report_row(table);
	report_text(row, "engine", "%s", engine_name(engine));
	report_text(row, "wanted", "%.0f", pps);
	report_sample(row, "rate", rates, o->trials);
	report_sample(row, "off", off, o->trials);
	return 0;
}

/* Up to nearly what it can. */
static int measure_rates(struct engines *e, enum sender_engine engine,
			 const struct engines_options *o, json_t *table, struct err *err)
{
	static const double rates[] = {1e3, 1e4, 1e5, 3e5, 1e6, 2e6, 3e6};
	struct engines_trial t = {.engine = engine, .stamps = true, .ear = RECEIVER_TIMES};
	double most[TRIALS_MAX], near_most = 0;
	int r = try_all(e, o, t, most, err);
	if (!r)
		near_most = NEAR_MOST * stats_of(most, o->trials).median;
	for (size_t i = 0; i < COUNT(rates) && rates[i] < near_most && !r; i++)
		r = measure_rate(e, engine, rates[i], o, table, err);
	r = r ? r : measure_rate(e, engine, near_most, o, table, err);
	if (!r)
		fprintf(stderr, "%s: pacing up to %.0f packets a second\n", engine_name(engine),
			near_most);
	return r;
}

static int measure_pacing(struct engines *e, const struct engines_options *o, json_t *report,
			  struct err *err)
{
	static const struct report_column columns[] = {
		{"engine", "engine", .sort = REPORT_NAME},
		{"wanted", "asked for, packets/s", .sort = REPORT_NAME},
		{"rate", "arrived, packets/s", REPORT_SAMPLE, .digits = 0},
		{"off", "off %", REPORT_SAMPLE, .digits = 3},
	};
	json_t *table = report_table(report, "pacing", "Rates", columns, COUNT(columns));
	int r = measure_rates(e, SENDER_XSK, o, table, err);
	r = r ? r : measure_rates(e, SENDER_LIVE, o, table, err);
	report_note(table,
		    "by the times at which the first and the last packet came; the last row "
		    "of each engine is %.0f %% of what it can",
		    100 * NEAR_MOST);
	return r;
}

/* --- sizes and cores -------------------------------------------------------------------------- */

static const uint32_t sizes[] = {60, 566, 1514};

struct scaling {
	json_t *table, *by_size, *by_cores;
};

static int measure_cell(struct engines *e, enum sender_engine engine, uint32_t size,
			uint32_t threads, const struct engines_options *o, double *mpps,
			json_t *table, struct err *err)
{
	const struct engines_trial t = {.engine = engine,
					.stamps = true,
					.ear = RECEIVER_COUNTS,
					.size = size,
					.threads = threads};
	double rates[TRIALS_MAX], gbit[TRIALS_MAX];
	int r = try_all(e, o, t, rates, err);
	if (r)
		return r;
	for (unsigned int i = 0; i < o->trials; i++) {
		rates[i] /= 1e6;
		gbit[i] = rates[i] * 8 * size / 1e3;
	}
	json_t *row = report_row(table);
	report_text(row, "engine", "%s", engine_name(engine));
	report_text(row, "frame", "%u", size);
	report_text(row, "threads", "%u", threads);
	report_sample(row, "mpps", rates, o->trials);
	report_sample(row, "gbit", gbit, o->trials);
	*mpps = stats_of(rates, o->trials).median;
	return 0;
}

/* One engine: a curve by size for each number of threads, and one by threads of the shortest. */
static int measure_engine(struct engines *e, enum sender_engine engine, unsigned int most,
			  const struct engines_options *o, const struct scaling *s, struct err *err)
{
	char name[64];
	double mpps;
	int r = 0;
	json_t *cores = report_curve(s->by_cores, engine_name(engine));
	for (uint32_t threads = 1; threads <= most && !r; threads++) {
		snprintf(name, sizeof(name), "%s, %u core%s", engine_name(engine), threads,
			 threads > 1 ? "s" : "");
		fprintf(stderr, "%s\n", name);
		json_t *curve = report_curve(s->by_size, name);
		for (size_t i = 0; i < COUNT(sizes) && !r; i++) {
			r = measure_cell(e, engine, sizes[i], threads, o, &mpps, s->table, err);
			if (r)
				break;
			report_point(curve, sizes[i], mpps);
			if (!i)
				report_point(cores, threads, mpps);
		}
	}
	return r;
}

static int measure_scaling(struct engines *e, unsigned int most, const struct engines_options *o,
			   json_t *report, struct err *err)
{
	static const struct report_column columns[] = {
		{"engine", "engine", .sort = REPORT_NAME},
		{"frame", "bytes", .sort = REPORT_NAME},
		{"threads", "cores", .sort = REPORT_NAME},
		{"mpps", "Mpps", REPORT_SAMPLE, .digits = 2, .better = REPORT_MORE},
		{"gbit", "Gbit/s of frames", REPORT_SAMPLE, .digits = 2},
	};
	static const struct report_axes size_axes = {.x = "frame, bytes", .y = "Mpps"};
	static const struct report_axes core_axes = {.x = "cores", .y = "Mpps, 60 bytes"};
	const struct scaling s = {
		.table = report_table(report, "scaling", "Rates by frame size and cores", columns,
				      COUNT(columns)),
		.by_size = report_plot(report, "size", "Rate by frame size", &size_axes),
		.by_cores = report_plot(report, "cores", "Rate by cores", &core_axes),
	};
	int r = measure_engine(e, SENDER_XSK, most, o, &s, err);
	r = r ? r : measure_engine(e, SENDER_LIVE, most, o, &s, err);
	report_note(s.table, "a thread and a queue for each core, which receives what it sends, "
			     "too");
	return r;
}

/* --- the command ------------------------------------------------------------------------------ */

static unsigned int core_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

static int measure(const struct engines_options *o, json_t *report, struct err *err)
{
	struct engines e;
	int r = engines_open(&e, 1, err);
	r = r ? r : measure_duels(&e, o, report, err);
	r = r ? r : measure_pacing(&e, o, report, err);
	engines_close(&e);
	if (r)
		return r;
	r = engines_open(&e, core_count(), err);
	r = r ? r : measure_scaling(&e, core_count(), o, report, err);
	engines_close(&e);
	return r;
}

static int run(const struct engines_options *o, struct err *err)
{
	json_t *report = report_new("engines");
	int r = report_check_files(&o->files, err);
	r = r ? r : lab_need(err);
	report_fact(report, "packets: UDP, 60 bytes where nothing else is said, over virtual "
			    "Ethernet in copy mode; counted and dropped by an XDP program at the "
			    "other end");
	report_fact(report, "trials: %u of %.3g s of each, in turns, at real-time priority",
		    o->trials, o->seconds);
	if (!r)
		child_go_first();
	r = r ? r : measure(o, report, err);
	r = r ? r : report_save(report, &o->files, err);
	json_decref(report);
	return r;
}

int command_engines(int argc, char **argv)
{
	struct engines_options o = {.trials = 5, .seconds = 1};
	struct err err = {};
	const struct setting settings[] = {
		{"trials", setting_whole, .out = &o.trials, .min = 1, .max = TRIALS_MAX},
		{"seconds", setting_real, .out = &o.seconds, .min = 0.1, .max = 60},
		REPORT_SETTINGS(&o.files),
	};
	int status = settings_read(argc, argv, usage, settings, COUNT(settings), NULL);
	if (status >= 0)
		return status;
	return settings_exit_failed(argv[0], run(&o, &err), &err);
}
