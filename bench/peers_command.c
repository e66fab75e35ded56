// SPDX-License-Identifier: BSD-2-Clause
/*
 * All ways in each round, one after the other, so that what the machine does meanwhile happens to
 * all. UDP is sent at several loads, and counted where the servers receive.
 */
#include "bench/peers_command.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/lab.h"
#include "bench/netns.h"
#include "bench/peers.h"
#include "bench/peers_report.h"
#include "bench/place.h"
#include "bench/report.h"
#include "bench/sender.h"
#include "bench/setting.h"
#include "bench/stop.h"
#include "bench/stream.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/options.h"
#include "tools/weir/rtnetlink.h"

#define UDP_SECONDS 0.4
#define UDP_WARM    0.3 /* seconds: Weir learns the flows */
#define DRAIN_NS    200000000

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
	"ipvsadm; IPVS needs a kernel with the module ip_vs_mh\n"
	"\n"
	"  --trials N         rounds through all (3)\n"
	"  --seconds N        of each run of wrk (2)\n"
	"  --only WORD,...    ways whose names have one of these words in them (all)\n"
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
				  .flows = PEERS_FLOWS,
				  .pick = STREAM_RANDOM,
				  .sizes = {{60}, {1}, 1}};
	addr_parse(PEERS_VIP, &w.destination);
	addr_parse("10.8.1.1", &w.sources.first);
	w.sources.last = w.sources.first;
	memcpy(w.from_mac, from->mac, sizeof(w.from_mac));
	int r = place_next_hop(from, &w.destination, w.to_mac, err);
	return r ? r : stream_open(s, &w, err);
}

/* So many packets a second reached the servers, of those that were offered. */
static int offer(struct peers_net *n, struct sender *sender, double pps, double *reached,
		 struct err *err)
{
	struct sender_sent sent;
	uint64_t before = received(n);
	int r = sender_do(sender, &(struct sender_run){.pps = pps, .seconds = UDP_SECONDS}, &sent,
			  err);
	nanosleep(&(struct timespec){.tv_nsec = DRAIN_NS}, NULL);
	*reached = (received(n) - before) / UDP_SECONDS;
	return r;
}

/* The most that reached them at any load: beyond what all of it stands, less does. */
static int find_most(struct peers_net *n, struct sender *sender, double *most, struct err *err)
{
	static const double loads[] = {1e4, 2e4, 5e4, 1e5, 2e5, 4e5, 0};
	struct sender_sent sent;
	double reached;
	int r = sender_do(sender, &(struct sender_run){.pps = 20000, .seconds = UDP_WARM}, &sent,
			  err);
	*most = 0;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]) && !r; i++) {
		r = offer(n, sender, loads[i], &reached, err);
		*most = reached > *most ? reached : *most;
	}
	return r;
}

static int measure_udp(struct peers_net *n, double *mpps, struct err *err)
{
	struct place from;
	struct stream stream = {};
	struct sender *sender = NULL;
	double most = 0;
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
	r = r ? r : find_most(n, sender, &most, err);
	*mpps = most / 1e6;
	sender_close(sender);
	stream_close(&stream);
	place_close(&from);
	return r;
}

/* --- a way ------------------------------------------------------------------------------------ */

static int measure_http(struct peers_net *n, const struct peers_way *way, unsigned int seconds,
			struct peers_measured *m, struct err *err)
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

static void measure_way(struct peers_net *n, const struct peers_way *way,
			const struct peers_options *o, struct peers_measured *m)
{
	struct peers_running running;
	struct err err = {};
	if (m->missing[0])
		return;
	fprintf(stderr, "%s\n", way->name);
	m->wanted = true;
	int r = peers_start(&running, way, n, o->weir, &err);
	r = r ? r : measure_http(n, way, o->seconds, m, &err);
	if (!r && has_udp(way))
		r = measure_udp(n, &m->udp[m->count], &err);
	peers_stop(&running, n, o->weir);
	if (r)
		snprintf(m->missing, sizeof(m->missing), "%.255s", err.text);
	else
		m->count++;
}

/* --- the command ------------------------------------------------------------------------------ */

static bool is_wanted(const struct peers_way *way, const char *only)
{
	char word[64];
	for (const char *at = only; at && *at;) {
		size_t length = strcspn(at, ",");
		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		if (length && strcasestr(way->name, word))
			return true;
		at += length + (at[length] == ',');
	}
	return !only;
}

static unsigned int count_wanted(const char *only)
{
	unsigned int n = 0;
	for (unsigned int i = 0; i < peers_way_count; i++)
		n += is_wanted(&peers_ways[i], only);
	return n;
}

static int measure(const struct peers_options *o, struct peers_measured *all, const char *folder,
		   struct err *err)
{
	struct peers_net n;
	int r = peers_net_open(&n, folder, err);
	if (!r)
		fprintf(stderr, "this takes about %u s\n",
			o->trials * count_wanted(o->only) * (2 * o->seconds + 7));
	for (unsigned int trial = 0; trial < o->trials && !r; trial++)
		for (unsigned int i = 0; i < peers_way_count && !stop_is_wanted(); i++)
			if (is_wanted(&peers_ways[i], o->only))
				measure_way(&n, &peers_ways[i], o, &all[i]);
	peers_net_close(&n);
	return r ? r : stop_is_wanted() ? err_set(err, EINTR, "interrupted") : 0;
}

static int run(struct peers_options *o, const struct report_files *files, struct err *err)
{
	static struct peers_measured all[PEERS_WAYS_MAX];
	char path[PATH_MAX], folder[] = "/tmp/weir-bench.XXXXXX";
	json_t *report = report_new("peers");
	int r = report_check_files(files, err);
	r = r ? r : lab_need(err);
	r = r ? r : lab_find_weir(&o->weir, path, err);
	if (!r && !mkdtemp(folder))
		r = err_set(err, errno, "can't make %s: %m", folder);
	else if (!r) {
		r = measure(o, all, folder, err);
		lab_remove_folder(folder);
	}
	if (!r) {
		peers_report(o, all, report);
		r = report_save(report, files, err);
	}
	json_decref(report);
	return r;
}

int command_peers(int argc, char **argv)
{
	struct peers_options o = {.trials = 3, .seconds = 2};
	struct report_files files = {};
	struct err err = {};
	const struct setting settings[] = {
		{"trials", setting_whole, .out = &o.trials, .min = 1, .max = PEERS_TRIALS_MAX},
		{"seconds", setting_whole, .out = &o.seconds, .min = 1, .max = 60},
		{"only", setting_text, .out = &o.only},
		{"weir", setting_text, .out = &o.weir},
		REPORT_SETTINGS(&files),
	};
	int status = settings_read(argc, argv, usage, settings,
				   sizeof(settings) / sizeof(settings[0]), NULL);
	if (status >= 0)
		return status;
	if (!count_wanted(o.only))
		return options_fault(argv[0], "--only %s: no way has such a name", o.only);
	stop_watch();
	return settings_exit_failed(argv[0], run(&o, &files, &err), &err);
}
