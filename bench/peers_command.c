// SPDX-License-Identifier: BSD-2-Clause
/*
 * All ways in each round, one after the other, so that what the machine does meanwhile happens to
 * all. UDP is sent by live frames as fast as it goes, and counted where the servers receive.
 */
#include "bench/peers_command.h"

#include <errno.h>
#include <linux/if_link.h>
#include <math.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/lab.h"
#include "bench/netns.h"
#include "bench/peers.h"
#include "bench/place.h"
#include "bench/report.h"
#include "bench/sender.h"
#include "bench/setting.h"
#include "bench/stats.h"
#include "bench/stop.h"
#include "bench/stream.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/rtnetlink.h"

#define FLOWS    1000u
#define UDP_WARM 0.3 /* seconds: Weir learns the flows */
#define DRAIN_NS 200000000

struct peers_options {
	uint32_t trials, seconds;
	const char *weir, *only;
	struct report_files files;
};

/* Trials of one way. */
struct measured {
	char missing[256]; /* why there is nothing; "": there is */
	unsigned int count;
	double keep[PEERS_TRIALS_MAX], keep_p50[PEERS_TRIALS_MAX], keep_p99[PEERS_TRIALS_MAX];
	double each[PEERS_TRIALS_MAX], each_p50[PEERS_TRIALS_MAX], each_p99[PEERS_TRIALS_MAX];
	double udp[PEERS_TRIALS_MAX];
	uint64_t errors;
};

static const char usage[] =
	"Usage: weir-bench peers [OPTION...]\n"
	"\n"
	"Weir's four methods, with the fast path and without, beside nftables' DNAT, HAProxy in "
	"TCP\n"
	"mode and IPVS, in one network of namespaces: HTTP requests a second and their latency "
	"(wrk, 32\n"
	"connections, kept open, or one for each request), and packets a second of UDP. As root. "
	"What\n"
	"is not installed is left out, and said: apt-get install nginx wrk haproxy nftables\n"
	"ipvsadm; IPVS needs a kernel with the module ip_vs\n"
	"\n"
	"  --trials N         rounds through all (3)\n"
	"  --seconds N        of each run of wrk (2)\n"
	"  --only WORDS       ways with one of these in their names: 'dsr,nat,IPVS' (all)\n"
	"  --weir FILE        the program to measure (weir, next to this one)\n" REPORT_USAGE;

/* --- UDP -------------------------------------------------------------------------------------- */

static uint64_t received_by(int ns)
{
	struct rtnl_link_stats64 s = {};
	struct rtnetlink r = {};
	int here = netns_here(NULL);
	if (!netns_enter(ns, NULL) && !rtnetlink_open(&r, 0, NULL))
		rtnetlink_get_statistics(&r, if_nametoindex("eth0"), &s);
	rtnetlink_close(&r);
	place_leave(here);
	return s.rx_packets;
}

static uint64_t received(const struct peers_net *n)
{
	uint64_t sum = 0;
	for (int i = 0; i < PEERS_SERVERS; i++)
		sum += received_by(n->servers[i]);
	return sum;
}

static int open_stream(struct stream *s, const struct place *from, struct err *err)
{
	struct stream_wanted w = {.destination_port = 5000,
				  .first_port = 1024,
				  .last_port = 65535,
				  .flows = FLOWS,
				  .pick = STREAM_RANDOM,
				  .sizes = {{60}, {1}, 1}};
	addr_parse(PEERS_VIP, &w.destination);
	addr_parse("10.8.1.1", &w.sources.first);
	w.sources.last = w.sources.first;
	memcpy(w.from_mac, from->mac, sizeof(w.from_mac));
	int r = place_next_hop(from, &w.destination, w.to_mac, err);
	return r ? r : stream_open(s, &w, err);
}

/* So many packets a second reached the servers. */
static int measure_udp(struct peers_net *n, double seconds, double *mpps, struct err *err)
{
	struct place from;
	struct stream stream = {};
	struct sender *sender = NULL;
	struct sender_sent sent;
	int r = place_open_in(&from, n->client, "eth0", err);
	if (r)
		return r;
	r = open_stream(&stream, &from, err);
	const struct sender_wanted wanted = {.from = &from,
					     .stream = &stream,
					     .engine = SENDER_AUTO,
					     .queues = 1,
					     .first_cpu = -1};
	r = r ? r : sender_open(&sender, &wanted, err);
	r = r ? r
	      : sender_do(sender, &(struct sender_run){.pps = 20000, .seconds = UDP_WARM}, &sent,
			  err);
	uint64_t before = received(n);
	r = r ? r : sender_do(sender, &(struct sender_run){.seconds = seconds}, &sent, err);
	nanosleep(&(struct timespec){.tv_nsec = DRAIN_NS}, NULL);
	*mpps = (received(n) - before) / seconds / 1e6;
	sender_close(sender);
	stream_close(&stream);
	place_close(&from);
	return r;
}

/* --- a way ------------------------------------------------------------------------------------ */

static int measure_http(struct peers_net *n, const struct peers_way *way, unsigned int seconds,
			struct measured *m, struct err *err)
{
	struct peers_wrk keep, each;
	int r = peers_wrk(n, way, false, seconds, &keep, err);
	r = r ? r : peers_wrk(n, way, true, seconds, &each, err);
	if (r)
		return r;
	m->keep[m->count] = keep.requests;
	m->keep_p50[m->count] = keep.p50_us;
	m->keep_p99[m->count] = keep.p99_us;
	m->each[m->count] = each.requests;
	m->each_p50[m->count] = each.p50_us;
	m->each_p99[m->count] = each.p99_us;
	m->errors += keep.errors + each.errors;
	return 0;
}

static bool has_udp(const struct peers_way *way)
{
	return way->kind == PEERS_WEIR || way->kind == PEERS_NFT || way->kind == PEERS_IPVS;
}

/* Whether one of the words, with commas between them, is in the name. */
static bool is_wanted(const struct peers_way *way, const char *only)
{
	char words[256], *rest = words, *word;
	if (!only)
		return true;
	snprintf(words, sizeof(words), "%s", only);
	while ((word = strsep(&rest, ",")))
		if (*word && strstr(way->name, word))
			return true;
	return false;
}

static void measure_way(struct peers_net *n, const struct peers_way *way,
			const struct peers_options *o, struct measured *m)
{
	struct peers_running running;
	struct err err = {};
	if (m->missing[0])
		return;
	fprintf(stderr, "%s\n", way->name);
	int r = peers_start(&running, way, n, o->weir, &err);
	r = r ? r : measure_http(n, way, o->seconds, m, &err);
	if (!r && has_udp(way))
		r = measure_udp(n, 1, &m->udp[m->count], &err);
	peers_stop(&running, n, o->weir);
	if (r)
		snprintf(m->missing, sizeof(m->missing), "%.255s", err.text);
	else
		m->count++;
}

/* --- the report ------------------------------------------------------------------------------- */

static const struct report_column columns[] = {
	{"way", "way", .sort = REPORT_NAME},
	{"keep", "requests/s, kept open", REPORT_SAMPLE, .digits = 0, .better = REPORT_MORE},
	{"keep_p50", "p50 us", REPORT_REAL, .digits = 0, .better = REPORT_LESS},
	{"keep_p99", "p99 us", REPORT_REAL, .digits = 0, .better = REPORT_LESS},
	{"each", "one a connection", REPORT_SAMPLE, .digits = 0, .better = REPORT_MORE},
	{"each_p50", "p50 us", REPORT_REAL, .digits = 0, .better = REPORT_LESS},
	{"each_p99", "p99 us", REPORT_REAL, .digits = 0, .better = REPORT_LESS},
	{"udp", "UDP Mpps", REPORT_SAMPLE, .digits = 2, .better = REPORT_MORE},
};

static void add_row(json_t *table, const struct peers_way *way, const struct measured *m)
{
	json_t *row = report_row(table);
	report_text(row, "way", "%s", way->name);
	if (m->missing[0])
		report_note(table, "%s: not measured: %s", way->name, m->missing);
	if (m->errors)
		report_note(table, "%s: %llu requests failed", way->name,
			    (unsigned long long)m->errors);
	if (!m->count)
		return;
	report_sample(row, "keep", m->keep, m->count);
	report_number(row, "keep_p50", stats_of(m->keep_p50, m->count).median);
	report_number(row, "keep_p99", stats_of(m->keep_p99, m->count).median);
	report_sample(row, "each", m->each, m->count);
	report_number(row, "each_p50", stats_of(m->each_p50, m->count).median);
	report_number(row, "each_p99", stats_of(m->each_p99, m->count).median);
	if (has_udp(way))
		report_sample(row, "udp", m->udp, m->count);
}

/* Weir's best of a figure has to be above what is beside it; where it is not, that is said. */
static void note_ahead(json_t *table, const struct measured *all, const char *figure, size_t offset)
{
	double best = 0;
	for (unsigned int i = 0; i < peers_way_count; i++)
		if (peers_ways[i].kind == PEERS_WEIR && all[i].count)
			best = fmax(best, stats_of((const double *)((const char *)&all[i] + offset),
						   all[i].count)
						  .median);
	for (unsigned int i = 0; i < peers_way_count; i++) {
		if (peers_ways[i].kind == PEERS_WEIR || peers_ways[i].kind == PEERS_DIRECT ||
		    !all[i].count)
			continue;
		double peer =
			stats_of((const double *)((const char *)&all[i] + offset), all[i].count)
				.median;
		if (peer > 0)
			report_note(table, "%s: Weir's best is %.2f of %s%s", figure, best / peer,
				    peers_ways[i].name, best > peer ? "" : ": behind it");
	}
}

static void make_report(const struct peers_options *o, const struct measured *all, json_t *report)
{
	report_fact(report,
		    "a client, a balancer with two arms and three nginx servers in namespaces; "
		    "virtual Ethernet in copy mode; all share the machine's CPUs");
	report_fact(report,
		    "%u rounds through all ways; wrk, one thread, 32 connections, %u s, once with "
		    "connections that stay open and once with one for each request",
		    o->trials, o->seconds);
	report_fact(
		report,
		"UDP: 60 bytes, %u random flows as fast as a generator on the client's side goes, "
		"counted where the servers receive",
		FLOWS);
	json_t *table =
		report_table(report, "peers", "", columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned int i = 0; i < peers_way_count; i++)
		if (is_wanted(&peers_ways[i], o->only))
			add_row(table, &peers_ways[i], &all[i]);
	note_ahead(table, all, "requests, kept open", offsetof(struct measured, keep));
	note_ahead(table, all, "one a connection", offsetof(struct measured, each));
	note_ahead(table, all, "UDP", offsetof(struct measured, udp));
}

/* --- the command ------------------------------------------------------------------------------ */

static int measure(struct peers_options *o, struct measured *all, const char *folder,
		   struct err *err)
{
	struct peers_net n;
	unsigned int ways = 0;
	for (unsigned int i = 0; i < peers_way_count; i++)
		ways += is_wanted(&peers_ways[i], o->only);
	if (!ways)
		return err_set(err, EINVAL, "no way has one of these in its name: %s", o->only);
	int r = peers_net_open(&n, folder, err);
	if (!r)
		fprintf(stderr, "this takes about %u s\n", o->trials * ways * (2 * o->seconds + 6));
	for (unsigned int trial = 0; trial < o->trials && !r; trial++)
		for (unsigned int i = 0; i < peers_way_count && !stop_is_wanted(); i++)
			if (is_wanted(&peers_ways[i], o->only))
				measure_way(&n, &peers_ways[i], o, &all[i]);
	peers_net_close(&n);
	return r ? r : stop_is_wanted() ? err_set(err, EINTR, "interrupted") : 0;
}

static int run(struct peers_options *o, struct err *err)
{
	static struct measured all[PEERS_WAYS_MAX];
	char path[PATH_MAX], folder[] = "/tmp/weir-bench.XXXXXX";
	json_t *report = report_new("peers");
	int r = report_check_files(&o->files, err);
	r = r ? r : lab_need(err);
	r = r ? r : lab_find_weir(&o->weir, path, err);
	if (!r && !mkdtemp(folder))
		r = err_set(err, errno, "can't make %s: %m", folder);
	else if (!r) {
		r = measure(o, all, folder, err);
		lab_remove_folder(folder);
	}
	if (!r) {
		make_report(o, all, report);
		r = report_save(report, &o->files, err);
	}
	json_decref(report);
	return r;
}

int command_peers(int argc, char **argv)
{
	struct peers_options o = {.trials = 3, .seconds = 2};
	struct err err = {};
	const struct setting settings[] = {
		{"trials", setting_whole, .out = &o.trials, .min = 1, .max = PEERS_TRIALS_MAX},
		{"seconds", setting_whole, .out = &o.seconds, .min = 1, .max = 60},
		{"only", setting_text, .out = &o.only},
		{"weir", setting_text, .out = &o.weir},
		REPORT_SETTINGS(&o.files),
	};
	int status = settings_read(argc, argv, usage, settings,
				   sizeof(settings) / sizeof(settings[0]), NULL);
	if (status >= 0)
		return status;
	stop_watch();
	if (!run(&o, &err))
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", argv[0], err.text);
	return EXIT_FAILED;
}
