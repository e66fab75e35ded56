// SPDX-License-Identifier: BSD-2-Clause
/* `weir-bench send`: packets at a rate, with a line a second that says what becomes of them. */
#include "bench/send_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bench/path.h"
#include "bench/rate.h"
#include "bench/receiver.h"
#include "bench/report.h"
#include "bench/setting.h"
#include "bench/stop.h"
#include "lb/err.h"

#define STEP_NS   10000000
#define DRAIN_NS  200000000
#define SILENCE_S 2

struct send_options {
	struct path_settings path;
	struct rate rate;
	double seconds, count;
	bool quiet;
	struct report_files files;
};

static const char usage[] =
	"Usage: weir-bench send --from INTERFACE --destination ADDRESS[:PORT] [OPTION...]\n"
	"\n"
	"Sends packets at a constant rate, as root, and says each second how many. Without an end\n"
	"it goes on until it is interrupted. With --to it also says how many arrive.\n"
	"\n"
	"  --rate RATE        250kpps, 1.5Mpps, 10Gbit, 80% (of the line), max (max)\n"
	"  --seconds N        for so long; --count N: so many\n"
	"  --replay FILE      the packets of a pcap, again and again; without --rate at their\n"
	"                     own times\n"
	"  --quiet            no line a second\n" PATH_USAGE REPORT_USAGE;

static int read_options(int argc, char **argv, struct send_options *o)
{
	const struct setting settings[] = {
		{"rate", rate_read, .out = &o->rate, .wanted = RATE_WANTED},
		{"seconds", setting_real, .out = &o->seconds, .min = 0.001, .max = 250000},
		{"count", setting_real, .out = &o->count, .min = 1, .max = 1e15},
		{"replay", setting_text, .out = &o->path.replay},
		{"quiet", setting_flag, .out = &o->quiet},
		PATH_SETTINGS(&o->path),
		REPORT_SETTINGS(&o->files),
	};
	*o = (struct send_options){};
	path_settings_init(&o->path);
	return settings_read(argc, argv, usage, settings, sizeof(settings) / sizeof(settings[0]),
			     NULL);
}

/* --- the line --------------------------------------------------------------------------------- */

/* What there was at the last line. */
struct line {
	double at_s;
	uint64_t packets, bytes, received;
};

static double clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static uint64_t arrived(const struct path *p)
{
	struct received r = {};
	if (p->receiver)
		receiver_read(p->receiver, &r);
	return r.stamped.received - r.stamped.duplicates;
}

static void print_line(const struct path *p, struct line *last, const struct sender_sent *sent)
{
	double now = clock_s(), took = now - last->at_s;
	uint64_t packets = sent->packets - last->packets, bytes = sent->bytes - last->bytes;
	uint64_t received = arrived(p);
	double bits = 8.0 * bytes + 8.0 * RATE_OVERHEAD * packets;
	fprintf(stderr, "%s%9.6f Mpps  %8.4f Gbit/s", isatty(2) ? "\r" : "", packets / took / 1e6,
		bits / took / 1e9);
	if (p->receiver)
		fprintf(stderr, "  arrived %9.6f Mpps  lost %.3f%%",
			(received - last->received) / took / 1e6,
			packets ? 100 - 100.0 * (received - last->received) / packets : 0);
	fputs(isatty(2) ? "  " : "\n", stderr);
	*last = (struct line){now, sent->packets, sent->bytes, received};
}

/* --- a run ------------------------------------------------------------------------------------ */

static void watch(struct path *p, const struct send_options *o)
{
	struct line last = {.at_s = clock_s()};
	struct sender_sent sent;
	while (sender_goes_on(p->sender)) {
		if (stop_is_wanted())
			sender_stop(p->sender);
		if (!o->quiet && clock_s() - last.at_s >= 1) {
			sender_read(p->sender, &sent);
			print_line(p, &last, &sent);
		}
		nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
	}
	if (!o->quiet && isatty(2))
		fputc('\n', stderr);
}

static int send_all(struct path *p, const struct send_options *o, double pps,
		    struct sender_sent *sent, struct err *err)
{
	const struct sender_run run = {.pps = pps, .seconds = o->seconds, .count = o->count};
	int r = sender_start(p->sender, &run, err);
	if (r)
		return r;
	watch(p, o);
	r = sender_finish(p->sender, err);
	sender_read(p->sender, sent);
	if (!r && p->receiver) {
		nanosleep(&(struct timespec){.tv_nsec = DRAIN_NS}, NULL);
		if (sent->packets && !arrived(p))
			r = path_is_silent(p, sent->packets, err);
	}
	return r;
}

static void make_report(const struct path *p, double pps, const struct sender_sent *sent,
			json_t *report)
{
	static const struct report_column columns[] = {
		{"interface", "interface", .sort = REPORT_NAME},
		{"packets", "packets", .sort = REPORT_COUNT},
		{"failed", "refused", .sort = REPORT_COUNT},
		{"seconds", "seconds", REPORT_REAL, .digits = 3},
		{"pps", "packets/s", REPORT_REAL, .digits = 0, .better = REPORT_MORE},
		{"gbit", "Gbit/s on the line", REPORT_REAL, .digits = 4},
		{"deviation", "off the rate %", REPORT_REAL, .digits = 4},
		{"arrived", "arrived", .sort = REPORT_COUNT},
		{"lost", "lost %", REPORT_REAL, .digits = 4, .better = REPORT_LESS},
	};
	double rate = sent->seconds > 0 ? sent->packets / sent->seconds : 0;
	json_t *row;
	path_describe(p, report);
	row = report_row(
		report_table(report, "send", "", columns, sizeof(columns) / sizeof(columns[0])));
	report_text(row, "interface", "%s", p->from.label);
	report_number(row, "packets", sent->packets);
	report_number(row, "failed", sent->failed);
	report_number(row, "seconds", sent->seconds);
	report_number(row, "pps", rate);
	report_number(row, "gbit", rate_bps(rate, p->mean_length) / 1e9);
	/* The first packet goes at the start: n packets are n - 1 gaps. */
	if (pps > 0 && sent->packets > 1)
		report_number(row, "deviation",
			      100 * ((sent->packets - 1) / sent->seconds / pps - 1));
	if (!p->receiver)
		return;
	report_number(row, "arrived", arrived(p));
	report_number(row, "lost", sent->packets ? 100 - 100.0 * arrived(p) / sent->packets : 0);
}

static int run(struct send_options *o, struct err *err)
{
	struct path p = {.from.ns = -1};
	struct sender_sent sent;
	double pps = 0;
	json_t *report = report_new("send");
	int r = report_check_files(&o->files, err);
	r = r ? r : path_open(&p, &o->path, err);
	r = r ? r : rate_in_pps(&o->rate, p.mean_length, p.from.line_bps, &pps, err);
	r = r ? r : send_all(&p, o, pps, &sent, err);
	if (!r) {
		make_report(&p, pps, &sent, report);
		r = report_save(report, &o->files, err);
	}
	path_close(&p);
	json_decref(report);
	return r;
}

int command_send(int argc, char **argv)
{
	struct send_options o;
	struct err err = {};
	int status = read_options(argc, argv, &o);
	if (status >= 0)
		return status;
	stop_watch();
	return settings_exit(argv[0], run(&o, &err), &err);
}
