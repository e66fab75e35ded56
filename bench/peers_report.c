// SPDX-License-Identifier: BSD-2-Clause
#include "bench/peers_report.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/report.h"
#include "bench/stats.h"

static const struct report_column columns[] = {
	{"way", "way", .sort = REPORT_NAME},
	{"keep", "requests/s, kept open", REPORT_SAMPLE, .digits = 0, .better = REPORT_MORE},
	{"keep_p50", "p50 us", REPORT_REAL, .digits = 0, .better = REPORT_LESS},
	{"keep_p99", "p99 us", REPORT_REAL, .digits = 0, .better = REPORT_LESS},
	{"each", "one a connection", REPORT_SAMPLE, .digits = 0, .better = REPORT_MORE},
	{"each_p50", "p50 us", REPORT_REAL, .digits = 0, .better = REPORT_LESS},
	{"each_p99", "p99 us", REPORT_REAL, .digits = 0, .better = REPORT_LESS},
	{"udp", "UDP Mpps", REPORT_SAMPLE, .digits = 3, .better = REPORT_MORE},
};

static void add_row(json_t *table, const struct peers_way *way, const struct peers_measured *m)
{
	if (!m->wanted)
		return;
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
	if (m->udp[0] > 0)
		report_sample(row, "udp", m->udp, m->count);
}

/* --- who is ahead ----------------------------------------------------------------------------- */

static const struct figure {
	const char *name;
	size_t offset; /* of its trials in struct peers_measured */
} figures[] = {
	{"requests, kept open", offsetof(struct peers_measured, keep)},
	{"requests, one a connection", offsetof(struct peers_measured, each)},
	{"UDP", offsetof(struct peers_measured, udp)},
};

static struct stats stats_for(const struct peers_measured *m, const struct figure *f)
{
	return stats_of((const double *)(const void *)((const char *)m + f->offset), m->count);
}

enum place { AHEAD, LEVEL, BEHIND, PLACES };
static const char *const place_names[PLACES] = {"ahead", "within the spread", "behind"};

/* Ahead or behind is whose every trial is. */
static enum place place_of(const struct stats *weir, const struct stats *peer)
{
	return weir->min > peer->max ? AHEAD : weir->max < peer->min ? BEHIND : LEVEL;
}

/* Weir's ways that are at one place beside a peer, with the ratios of medians; how many. */
static unsigned int list_ways(const struct peers_measured *all, const struct figure *f,
			      const struct stats *peer, enum place place, FILE *out)
{
	unsigned int n = 0;
	for (unsigned int i = 0; i < peers_way_count; i++) {
		if (peers_ways[i].kind != PEERS_WEIR || !all[i].count)
			continue;
		struct stats weir = stats_for(&all[i], f);
		if (place_of(&weir, peer) == place)
			fprintf(out, "%s%s (%.2f)", n++ ? ", " : "", peers_ways[i].name,
				weir.median / peer->median);
	}
	return n;
}

/* "UDP beside nftables DNAT: ahead are ...; behind are none" */
static void note_peer(json_t *table, const struct peers_measured *all, const struct figure *f,
		      unsigned int i)
{
	struct stats peer = stats_for(&all[i], f);
	char *text = NULL;
	size_t size;
	FILE *out = peer.median > 0 ? open_memstream(&text, &size) : NULL;
	if (!out)
		return;
	for (enum place place = AHEAD; place < PLACES; place++) {
		fprintf(out, "%s%s: ", place ? "; " : "", place_names[place]);
		if (!list_ways(all, f, &peer, place, out))
			fputs("none", out);
	}
	if (!fclose(out))
		report_note(table, "%s, Weir beside %s. %s", f->name, peers_ways[i].name, text);
	free(text);
}

static void note_peers(json_t *table, const struct peers_measured *all)
{
	for (size_t f = 0; f < sizeof(figures) / sizeof(figures[0]); f++)
		for (unsigned int i = 0; i < peers_way_count; i++)
			if (peers_ways[i].kind != PEERS_WEIR &&
			    peers_ways[i].kind != PEERS_DIRECT && all[i].count)
				note_peer(table, all, &figures[f], i);
}

void peers_report(const struct peers_options *o, const struct peers_measured *all, json_t *report)
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
		"UDP: 60 bytes, %u random flows at several loads, from 10,000 a second to as fast "
		"as a "
		"generator on the client's side goes, counted where the servers receive: the most "
		"that came at any of them",
		PEERS_FLOWS);
	json_t *table =
		report_table(report, "peers", "", columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned int i = 0; i < peers_way_count; i++)
		add_row(table, &peers_ways[i], &all[i]);
	note_peers(table, all);
}
