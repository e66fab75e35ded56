// SPDX-License-Identifier: BSD-2-Clause
/*
 * What it costs to refuse a packet, beside a program that drops each. Weir is reloaded from row to
 * row, and never restarted: so the rows differ in the policy alone.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/net.h"
#include "bench/stage.h"
#include "bpf/packet.h"
#include "lb/err.h"

#define LIST_FILE "list.txt"
#define SOURCES   1000000u
/* Of flows from TRAFFIC_CLIENTS: 2^20 clients, nearly as many as SOURCES. */
#define SOURCE_BITS 20u

enum traffic_shape { SHAPE_UDP, SHAPE_SYN };

/* Lines of configuration for a row. */
typedef void policy_fn(FILE *out, const char *folder);

struct filter_case {
	const char *way;
	policy_fn *write;
	enum traffic_shape shape;
	uint32_t flows;
	bool scatter;
	double target;
	int beside; /* rows back: the one it is held against, in turns; 0: XDP_DROP */
};

/* --- policies --------------------------------------------------------------------------------- */

/* The sources are in the first one; the others are spread as a list's are. */
static void write_ten(FILE *out, const char *folder)
{
	fprintf(out, "sources: {blocked: {prefixes: [10.0.0.0/8");
	for (int i = 1; i < 10; i++)
		fprintf(out, ", %d.%d.%d.0/24", 23 * i, 7 * i, 101 * i % 256);
	fprintf(out, "]}}\n"
		     "policy: {rules: [{name: blocked, from: blocked, to: any, action: drop}]}\n");
}

static void write_million(FILE *out, const char *folder)
{
	fprintf(out, "sources: {blocked: {file: %s/" LIST_FILE "}}\n", folder);
	fprintf(out, "policy: {rules: [{name: blocked, from: blocked, to: any, action: drop}]}\n");
}

/* A rule for each of `count` groups, which have all clients among them. */
static void write_rules(FILE *out, uint32_t count)
{
	uint32_t large = 1, first = 0;
	fprintf(out, "sources:\n");
	while (large * 2 <= count)
		large *= 2;
	/* So many take half of what the others do, so that all is taken: 10 are 6 and 4. */
	for (uint32_t i = 0, halves = 2 * (count - large); i < count; i++) {
		uint32_t size = (1u << SOURCE_BITS) / large / (i < halves ? 2 : 1);
		uint32_t at = TRAFFIC_CLIENTS + first;
		fprintf(out, "  g%u: {prefixes: [%u.%u.%u.%u/%d]}\n", i, at >> 24, at >> 16 & 255,
			at >> 8 & 255, at & 255, __builtin_clz(size) + 1);
		first += size;
	}
	fprintf(out, "policy:\n  rules:\n");
	for (uint32_t i = 0; i < count; i++)
		fprintf(out,
			"    - {name: r%u, from: g%u, to: bench, protocol: udp, action: drop}\n", i,
			i);
}

static void write_ten_rules(FILE *out, const char *folder)
{
	write_rules(out, 10);
}

static void write_thousand_rules(FILE *out, const char *folder)
{
	write_rules(out, 1000);
}

/* A packet a minute, so nearly all are refused, once the burst is used up. */
#define BURST_BYTES 1514u

static void write_limit(FILE *out, const char *folder)
{
	fprintf(out,
		"policy:\n"
		"  tracked_sources: %u\n"
		"  rules:\n"
		"    - {name: per-source, limit: {per: source, rate: 1B/s, burst: %uB}}\n",
		SOURCES, BURST_BYTES);
}

static const struct filter_case cases[] = {
	{"drop, 10 prefixes", write_ten, SHAPE_UDP, 16 * SOURCES, false, 0.8, 0},
	{"drop, 1,000,000 prefixes", write_million, SHAPE_UDP, SOURCES, true, 0.5, 0},
	{"drop by 10 rules", write_ten_rules, SHAPE_UDP, 16 << SOURCE_BITS, false, 0, 0},
	{"drop by 1,000 rules", write_thousand_rules, SHAPE_UDP, 16 << SOURCE_BITS, false, 0.95, 1},
	{"limit, 1M sources, SYNs", write_limit, SHAPE_SYN, SOURCES, true, 0.5, 0},
	{"limit, 1M sources, UDP", write_limit, SHAPE_UDP, SOURCES, true, 0, 0},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))
_Static_assert(CASES <= NET_FILTER_ROWS, "rows");

/* --- measuring -------------------------------------------------------------------------------- */

struct filter_bench {
	const struct net_options *options;
	struct stage stage;
	struct dut weir, plain;
	struct dut_weir setup;
};

static int write_list(const struct net_options *o, struct err *err)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/" LIST_FILE, o->folder);
	FILE *f = fopen(path, "we");
	for (uint32_t i = 0; f && i < SOURCES; i++) {
		uint32_t a = i * TRAFFIC_SCATTER;
		fprintf(f, "%u.%u.%u.%u\n", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	}
	return !f || fclose(f) ? err_set(err, errno, "can't write %s: %m", path) : 0;
}

static int shape(struct filter_bench *b, const struct filter_case *c, struct err *err)
{
	bool syn = c->shape == SHAPE_SYN;
	stage_mix(&b->stage, c->flows, 0);
	generator_knobs(&b->stage.generator)->scatter = c->scatter;
	return generator_shape(&b->stage.generator, TRAFFIC_FLOW, syn ? IPPROTO_TCP : IPPROTO_UDP,
			       syn ? PACKET_TCP_SYN : 0, err);
}

static double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Has Weir take the policy of a row; how long that took. */
static int put_policy(struct filter_bench *b, const struct filter_case *c, double *took,
		      struct err *err)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return err_set(err, ENOMEM, "out of memory");
	c->write(out, b->options->folder);
	fclose(out);
	b->setup.more = text;
	b->setup.protocol = c->shape == SHAPE_SYN ? IPPROTO_TCP : IPPROTO_UDP;
	double start = seconds_now();
	int r = dut_reload_weir(&b->weir, &b->setup, err);
	*took = seconds_now() - start;
	b->setup.more = NULL;
	free(text);
	return r;
}

static int use_up_bursts(struct filter_bench *b, struct err *err)
{
	const uint32_t each = BURST_BYTES / TRAFFIC_FRAME + 1;
	generator_in_order(&b->stage.generator, 0, SOURCES);
	int r = generator_send(&b->stage.generator, each * SOURCES, err);
	generator_knobs(&b->stage.generator)->in_order = 0;
	return r;
}

static int run_weir(struct filter_bench *b, double *mpps, struct err *err)
{
	return stage_run_drops(&b->stage, &b->weir, b->options->seconds, mpps, err);
}

/* A trial beside XDP_DROP. */
static int try_plain(struct filter_bench *b, double *baseline, double *mpps, struct err *err)
{
	int r = stage_run_drops(&b->stage, &b->plain, b->options->seconds, baseline, err);
	return r ? r : run_weir(b, mpps, err);
}

/* One beside another policy, with a reload before each. */
static int try_beside(struct filter_bench *b, const struct filter_case *c, double *baseline,
		      double *mpps, struct err *err)
{
	double took;
	int r = put_policy(b, c - c->beside, &took, err);
	r = r ? r : run_weir(b, baseline, err);
	r = r ? r : put_policy(b, c, &took, err);
	return r ? r : run_weir(b, mpps, err);
}

/* The first trial of a row is not kept: caches are cold. */
static int measure_row(struct filter_bench *b, const struct filter_case *c, struct net_row *row,
		       struct err *err)
{
	int r = shape(b, c, err);
	generator_knobs(&b->stage.generator)->ifindex = b->weir.wire.near_ifindex;
	if (!r && c->write == write_limit)
		r = use_up_bursts(b, err);
	for (int trial = -1; trial < (int)b->options->trials && !r; trial++) {
		double baseline = 0, mpps = 0;
		r = c->beside ? try_beside(b, c, &baseline, &mpps, err)
			      : try_plain(b, &baseline, &mpps, err);
		if (r || trial < 0)
			continue;
		row->mpps[trial] = mpps;
		row->baseline_mpps[trial] = baseline;
		row->ratio[trial] = mpps / baseline;
	}
	return r;
}

static int measure_all(struct filter_bench *b, struct net_result *out, struct err *err)
{
	double took = 0;
	int r = write_list(b->options, err);
	r = r ? r : dut_start_weir(&b->weir, b->options->weir, b->options->folder, &b->setup, err);
	for (size_t i = 0; i < CASES && !r; i++) {
		const struct filter_case *c = &cases[i];
		struct net_row *row = &out->rows[out->row_count++];
		row->way = c->way;
		row->baseline = c->beside ? cases[i - c->beside].way : "XDP_DROP";
		row->flows = row->tracked = c->flows;
		row->target = c->target;
		r = put_policy(b, c, &took, err);
		if (c->write == write_million)
			out->load_seconds = took;
		fprintf(stderr, "%s\n", row->way);
		r = r ? r : measure_row(b, c, row, err);
	}
	return r;
}

int net_measure_filter(struct net_result *out, struct err *err)
{
	struct filter_bench b = {
		.options = &out->options,
		.weir = {.wire.far = -1, .link = -1},
		.plain = {.wire.far = -1, .link = -1},
		.setup = {.protocol = IPPROTO_UDP,
			  .fast_path = true,
			  .entries = 1u << 20,
			  .cpu = out->options.worker_cpu},
	};
	int r = stage_open(&b.stage, 0, err);
	if (r)
		return r;
	r = stage_add(&b.stage, &b.weir, "weir", err);
	r = r ? r : stage_add(&b.stage, &b.plain, "plain", err);
	r = r ? r : dut_start_refuse(&b.plain, err);
	r = r ? r : measure_all(&b, out, err);
	generator_knobs(&b.stage.generator)->scatter = 0;
	dut_close(&b.weir);
	dut_close(&b.plain);
	stage_close(&b.stage);
	return r;
}
