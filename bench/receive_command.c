// SPDX-License-Identifier: BSD-2-Clause
/* `weir-bench receive`: what comes of another host's `weir-bench send`. */
#include "bench/receive_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/latency_rows.h"
#include "bench/receiver.h"
#include "bench/report.h"
#include "bench/setting.h"
#include "bench/stop.h"
#include "bench/stream.h"
#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

#define STEP_NS 10000000

struct receive_options {
	uint32_t flows, by_flow;
	double seconds, count;
	bool sockets, generic, all, quiet;
	struct report_files files;
	char **interfaces;
	unsigned int interface_count;
};

static const char usage[] =
	"Usage: weir-bench receive [OPTION...] INTERFACE...\n"
	"\n"
	"Counts the packets that 'weir-bench send' stamps, and drops them: how many came, which\n"
	"numbers are missing, came late or twice, and how long they took (where the sender has\n"
	"the same clock, that is, runs on this host). Other packets go to the kernel. INTERFACE\n"
	"is eth0, or NAMESPACE:eth0.\n"
	"\n"
	"  --seconds N        for so long; --count N: until so many have come\n"
	"  --flows N          flows that are told apart (65536)\n"
	"  --by-flow N        tell of the N flows that lost most (0)\n"
	"  --sockets          by AF_XDP sockets, instead of in the XDP program\n"
	"  --generic          XDP in generic mode\n"
	"  --all              count and drop packets without a stamp, too: all of them, ssh's as "
	"well\n"
	"  --quiet            no line a second\n" REPORT_USAGE;

static int read_options(int argc, char **argv, struct receive_options *o)
{
	int operand = 0;
	const struct setting settings[] = {
		{"seconds", setting_real, .out = &o->seconds, .min = 0.001, .max = 250000},
		{"count", setting_real, .out = &o->count, .min = 1, .max = 1e15},
		{"flows", setting_whole, .out = &o->flows, .min = 1, .max = STREAM_FLOWS},
		{"by-flow", setting_whole, .out = &o->by_flow, .min = 0, .max = 10000},
		{"sockets", setting_flag, .out = &o->sockets},
		{"generic", setting_flag, .out = &o->generic},
		{"all", setting_flag, .out = &o->all},
		{"quiet", setting_flag, .out = &o->quiet},
		REPORT_SETTINGS(&o->files),
	};
	*o = (struct receive_options){.flows = 65536};
	int status = settings_read(argc, argv, usage, settings,
				   sizeof(settings) / sizeof(settings[0]), &operand);
	o->interfaces = argv + operand;
	o->interface_count = argc - operand;
	if (status < 0 && (o->interface_count < 1 || o->interface_count > PLACES_MAX))
		return options_fault(argv[0], "expected 1 to %u interfaces", PLACES_MAX);
	return status;
}

/* --- watching --------------------------------------------------------------------------------- */

static void print_line(const struct received *now, const struct received *last)
{
	const struct sequence_counts *s = &now->stamped;
	fprintf(stderr, "%s%9.6f Mpps  %8.4f Gbit/s  missing %llu  late %llu  twice %llu%s",
		isatty(2) ? "\r" : "", (s->received - last->stamped.received) / 1e6,
		8e-9 * (now->bytes - last->bytes), s->skipped - s->filled, s->reordered,
		s->duplicates, isatty(2) ? "  " : "\n");
}

static double clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void watch(const struct receiver *r, const struct receive_options *o)
{
	double start = clock_s(), line = start;
	struct received now = {}, last = {};
	while (!stop_is_wanted() && !(o->seconds > 0 && clock_s() - start >= o->seconds) &&
	       !(o->count > 0 && now.stamped.received >= o->count)) {
		nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
		receiver_read(r, &now);
		if (o->quiet || clock_s() - line < 1)
			continue;
		print_line(&now, &last);
		last = now;
		line += 1;
	}
	if (!o->quiet && isatty(2))
		fputc('\n', stderr);
}

/* --- the report ------------------------------------------------------------------------------- */

#define SEQUENCE_COLUMNS                                                      \
	{"received", "received", .sort = REPORT_COUNT},                       \
		{"missing", "missing", REPORT_COUNT, .better = REPORT_LESS},  \
		{"reordered", "late", REPORT_COUNT, .better = REPORT_LESS},   \
		{"duplicates", "twice", REPORT_COUNT, .better = REPORT_LESS}, \
	{                                                                     \
		"farthest", "latest by", .sort = REPORT_COUNT                 \
	}

static void fill_sequence(json_t *row, const struct sequence_counts *c)
{
	report_number(row, "received", c->received);
	report_number(row, "missing", c->skipped - c->filled);
	report_number(row, "reordered", c->reordered);
	report_number(row, "duplicates", c->duplicates);
	report_number(row, "farthest", c->farthest);
}

static void report_total(const struct receiver *r, const struct received *all, json_t *report)
{
	static const struct report_column columns[] = {
		{"what", "", .sort = REPORT_NAME},
		SEQUENCE_COLUMNS,
		{"pps", "packets/s", REPORT_REAL, .digits = 0, .better = REPORT_MORE},
		LATENCY_COLUMNS,
	};
	uint64_t *latency = calloc(HISTOGRAM_SLOTS, sizeof(*latency));
	double took = (all->last_ns - all->first_ns) / 1e9;
	json_t *table =
		report_table(report, "total", "", columns, sizeof(columns) / sizeof(columns[0]));
	json_t *row = report_row(table);
	report_text(row, "what", "stamped packets");
	fill_sequence(row, &all->stamped);
	if (took > 0)
		report_number(row, "pps", (all->stamped.received - 1) / took);
	if (latency) {
		receiver_read_latency(r, latency);
		latency_fill_row(row, latency);
	}
	free(latency);
	report_note(table, "packets without a stamp: %llu", all->others);
	if (all->early)
		report_note(table,
			    "%llu"
			    " packets came before they were sent: the sender has another "
			    "clock, and latencies mean nothing",
			    all->early);
	if (all->misaddressed)
		report_note(table, "%llu packets had the link address of somebody else",
			    all->misaddressed);
	if (all->unknown)
		report_note(table,
			    "%llu packets were of flows above %s: their numbers were not "
			    "looked at",
			    all->unknown, "--flows");
}

static void report_queues(const struct receiver *r, const struct place *places, unsigned int count,
			  json_t *report)
{
	static const struct report_column columns[] = {
		{"interface", "interface", .sort = REPORT_NAME},
		{"queue", "queue", .sort = REPORT_NAME},
		{"received", "received", .sort = REPORT_COUNT},
	};
	uint64_t counts[RECEIVED_QUEUES];
	json_t *table = report_table(report, "queues", "By queue", columns,
				     sizeof(columns) / sizeof(columns[0]));
	for (unsigned int i = 0; i < count; i++) {
		receiver_read_queues(r, i, counts);
		for (unsigned int queue = 0; queue < RECEIVED_QUEUES; queue++) {
			if (!counts[queue])
				continue;
			json_t *row = report_row(table);
			report_text(row, "interface", "%s", places[i].label);
			report_number(row, "queue", queue);
			report_number(row, "received", counts[queue]);
		}
	}
}

struct flow_rank {
	uint32_t flow;
	struct received_flow is;
};

static uint64_t missing_of(const struct flow_rank *f)
{
	return f->is.counts.skipped - f->is.counts.filled;
}

static int by_missing(const void *a, const void *b)
{
	uint64_t x = missing_of(a), y = missing_of(b);
	return (x < y) - (x > y);
}

static void report_flows(const struct receiver *r, const struct receive_options *o, json_t *report)
{
	static const struct report_column columns[] = {{"flow", "flow", .sort = REPORT_NAME},
						       SEQUENCE_COLUMNS};
	struct flow_rank *ranks = calloc(o->flows, sizeof(*ranks));
	uint32_t count = 0;
	for (uint32_t i = 0; ranks && i < o->flows; i++) {
		ranks[count].flow = i;
		count += receiver_read_flow(r, i, &ranks[count].is);
	}
	qsort(ranks, count, sizeof(*ranks), by_missing);
	json_t *table = report_table(report, "flows", "By flow", columns,
				     sizeof(columns) / sizeof(columns[0]));
	for (uint32_t i = 0; i < count && i < o->by_flow; i++) {
		json_t *row = report_row(table);
		report_number(row, "flow", ranks[i].flow);
		fill_sequence(row, &ranks[i].is.counts);
	}
	report_note(table, "%u flows were seen", count);
	free(ranks);
}

/* --- the command ------------------------------------------------------------------------------ */

static int receive(const struct receive_options *o, const struct place *places, json_t *report,
		   struct err *err)
{
	const struct receiver_wanted wanted = {
		.places = places,
		.place_count = o->interface_count,
		.flows = o->flows,
		.sockets = o->sockets,
		.generic = o->generic,
		.all = o->all,
	};
	struct receiver *r;
	struct received all;
	int code = receiver_open(&r, &wanted, err);
	if (code)
		return code;
	fputs("ready\n", stderr);
	watch(r, o);
	receiver_read(r, &all);
	report_fact(report, "counted by %s", o->sockets ? "AF_XDP sockets" : "an XDP program");
	report_total(r, &all, report);
	report_queues(r, places, o->interface_count, report);
	if (o->by_flow)
		report_flows(r, o, report);
	receiver_close(r);
	return report_save(report, &o->files, err);
}

static int run(const struct receive_options *o, struct err *err)
{
	struct place places[PLACES_MAX];
	unsigned int count = 0;
	json_t *report = report_new("receive");
	int r = report_check_files(&o->files, err);
	while (!r && count < o->interface_count) {
		r = place_open(&places[count], o->interfaces[count], err);
		count += !r;
	}
	json_t *list = json_object_get(json_object_get(report, "machine"), "interfaces");
	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(list, place_json(&places[i]));
	r = r ? r : receive(o, places, report, err);
	for (unsigned int i = 0; i < count; i++)
		place_close(&places[i]);
	json_decref(report);
	return r;
}

int command_receive(int argc, char **argv)
{
	struct receive_options o;
	struct err err = {};
	int status = read_options(argc, argv, &o);
	if (status >= 0)
		return status;
	stop_watch();
	return settings_exit(argv[0], run(&o, &err), &err);
}
