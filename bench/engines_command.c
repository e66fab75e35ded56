// SPDX-License-Identifier: BSD-2-Clause
/*
 * `weir-bench engines`: how good the harness itself is. Its engines beside the plainest loop of
 * each kind, in turns over the same cable; and the rates that come out beside those that were asked
 * for.
 */
#include "bench/engines_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/child.h"
#include "bench/lab.h"
#include "bench/netns.h"
#include "bench/place.h"
#include "bench/receiver.h"
#include "bench/report.h"
#include "bench/sender.h"
#include "bench/setting.h"
#include "bench/stats.h"
#include "bench/stream.h"
#include "bench/wire.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/command.h"

#define TRIALS_MAX  50u
#define DRAIN_NS    100000000
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
	"frames, and the rates that come out beside those that were asked for.\n"
	"\n"
	"  --trials N         of each (5); --seconds N: of each trial (1)\n" REPORT_USAGE;

/* Both ends of the cable. */
struct bench {
	int near;
	struct wire wire;
	struct place from, to;
	struct stream stream, plain; /* with stamps, and without */
	struct receiver *receiver;
};

static int open_stream(struct bench *b, bool stamps, struct stream *out, struct err *err)
{
	struct stream_wanted w = {.destination_port = 9,
				  .first_port = 1024,
				  .last_port = 65535,
				  .flows = 1,
				  .no_stamps = !stamps,
				  .sizes = {{60}, {1}, 1}};
	addr_parse("10.9.0.2", &w.destination);
	addr_parse("10.9.0.1", &w.sources.first);
	w.sources.last = w.sources.first;
	memcpy(w.from_mac, b->from.mac, sizeof(w.from_mac));
	memcpy(w.to_mac, b->to.mac, sizeof(w.to_mac));
	return stream_open(out, &w, err);
}

static int open_bench(struct bench *b, struct err *err)
{
	*b = (struct bench){.wire.far = -1, .from.ns = -1, .to.ns = -1};
	b->near = netns_new(err);
	int r = b->near < 0 ? b->near : wire_open(&b->wire, b->near, "near", err);
	r = r ? r : netns_enter(b->near, err);
	r = r ? r : place_open_in(&b->from, b->near, "near", err);
	r = r ? r : place_open_in(&b->to, b->wire.far, WIRE_FAR_NAME, err);
	r = r ? r : open_stream(b, true, &b->stream, err);
	r = r ? r : open_stream(b, false, &b->plain, err);
	const struct receiver_wanted wanted = {
		.places = &b->to, .place_count = 1, .flows = 1, .all = true};
	return r ? r : receiver_open(&b->receiver, &wanted, err);
}

static void close_bench(struct bench *b)
{
	receiver_close(b->receiver);
	stream_close(&b->stream);
	stream_close(&b->plain);
	place_close(&b->from);
	place_close(&b->to);
	wire_close(&b->wire);
}

static uint64_t arrived(const struct bench *b)
{
	struct received r;
	receiver_read(b->receiver, &r);
	return r.stamped.received + r.others;
}

/* Packets a second that arrived. */
static int try(struct bench *b, enum sender_engine engine, bool stamps, double pps, double seconds,
	       double *out, struct err *err)
{
	const struct sender_wanted wanted = {.from = &b->from,
					     .stream = stamps ? &b->stream : &b->plain,
					     .engine = engine,
					     .queues = 1,
					     .first_cpu = -1};
	struct sender *sender = NULL;
	struct sender_sent sent;
	int r = sender_open(&sender, &wanted, err);
	uint64_t before = arrived(b);
	r = r ? r
	      : sender_do(sender, &(struct sender_run){.pps = pps, .seconds = seconds}, &sent, err);
	nanosleep(&(struct timespec){.tv_nsec = DRAIN_NS}, NULL);
	*out = (arrived(b) - before) / seconds;
	sender_close(sender);
	return r || *out > 0 ? r : err_set(err, EIO, "nothing arrived");
}

/* --- beside the plainest loops ---------------------------------------------------------------- */

static const struct duel {
	const char *name, *baseline;
	enum sender_engine engine, plain;
	bool stamps;
} duels[] = {
	{"xsk", "plain AF_XDP loop", SENDER_XSK, SENDER_PLAIN, false},
	{"xsk, with stamps", "plain AF_XDP loop", SENDER_XSK, SENDER_PLAIN, true},
	{"live", "bare live frames", SENDER_LIVE, SENDER_BARE, false},
	{"live, with stamps", "bare live frames", SENDER_LIVE, SENDER_BARE, true},
};

static int measure_duel(struct bench *b, const struct duel *d, const struct engines_options *o,
			json_t *table, struct err *err)
{
	double plain[TRIALS_MAX], ours[TRIALS_MAX], ratio[TRIALS_MAX], ignored;
	int r = try(b, d->engine, d->stamps, 0, 0.2, &ignored, err);
	for (unsigned int i = 0; i < o->trials && !r; i++) {
		r = try(b, d->plain, false, 0, o->seconds, &plain[i], err);
		r = r ? r : try(b, d->engine, d->stamps, 0, o->seconds, &ours[i], err);
		ratio[i] = r ? 0 : ours[i] / plain[i];
		plain[i] /= 1e6;
		ours[i] /= 1e6;
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

static int measure_duels(struct bench *b, const struct engines_options *o, json_t *report,
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
		r = measure_duel(b, &duels[i], o, table, err);
	report_note(table, "packets with stamps are also counted by flow and by latency where they "
			   "arrive, in the same kernel and mostly on the same CPU");
	return r;
}

/* --- pacing ----------------------------------------------------------------------------------- */

static int measure_rate(struct bench *b, enum sender_engine engine, double pps,
			const struct engines_options *o, json_t *table, struct err *err)
{
	double rates[TRIALS_MAX], off[TRIALS_MAX];
	int r = 0;
	for (unsigned int i = 0; i < o->trials && !r; i++) {
		r = try(b, engine, true, pps, o->seconds, &rates[i], err);
		off[i] = 100 * (rates[i] / pps - 1);
	}
	if (r)
		return r;
	json_t *row = report_row(table);
	report_text(row, "engine", "%s", engine == SENDER_XSK ? "xsk" : "live");
	report_number(row, "wanted", pps);
	report_sample(row, "rate", rates, o->trials);
	report_sample(row, "off", off, o->trials);
	return 0;
}

static int measure_pacing(struct bench *b, const struct engines_options *o, json_t *report,
			  struct err *err)
{
	static const struct report_column columns[] = {
		{"engine", "engine", .sort = REPORT_NAME},
		{"wanted", "asked for, packets/s", .sort = REPORT_NAME},
		{"rate", "arrived, packets/s", REPORT_SAMPLE, .digits = 0},
		{"off", "off %", REPORT_SAMPLE, .digits = 3},
	};
	static const double rates[] = {1e3, 1e4, 1e5, 3e5, 1e6};
	json_t *table = report_table(report, "pacing", "Rates", columns, COUNT(columns));
	int r = 0;
	for (size_t i = 0; i < COUNT(rates) && !r; i++) {
		if (rates[i] < 1e6) /* above it is more than a socket in copy mode sends */
			r = measure_rate(b, SENDER_XSK, rates[i], o, table, err);
		r = r ? r : measure_rate(b, SENDER_LIVE, rates[i], o, table, err);
	}
	return r;
}

/* --- the command ------------------------------------------------------------------------------ */

static int run(const struct engines_options *o, struct err *err)
{
	struct bench b = {.wire.far = -1, .from.ns = -1, .to.ns = -1};
	json_t *report = report_new("engines");
	int r = report_check_files(&o->files, err);
	r = r ? r : lab_need(err);
	if (!r) {
		child_go_first();
		r = open_bench(&b, err);
	}
	report_fact(report,
		    "packets: 60 bytes, UDP, one flow, over virtual Ethernet in copy mode; counted "
		    "and dropped by an XDP program at the other end");
	report_fact(report, "trials: %u of %.3g s of each, in turns, at real-time priority",
		    o->trials, o->seconds);
	r = r ? r : measure_duels(&b, o, report, err);
	r = r ? r : measure_pacing(&b, o, report, err);
	r = r ? r : report_save(report, &o->files, err);
	close_bench(&b);
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
	if (!run(&o, &err))
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", argv[0], err.text);
	return EXIT_FAILED;
}
