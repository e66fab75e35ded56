// SPDX-License-Identifier: BSD-2-Clause
/*
 * Parses and builds a configuration of many services and backends, all names different, then what
 * may change in it: nothing, all weights, one weight, one backend's health. CPU time of this
 * thread.
 */
#include "bench/reload.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/number.h"
#include "bench/stats.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"
#include "tools/weir/table.h"

static const char usage[] =
	"Usage: weir-bench reload [OPTION...]\n"
	"\n"
	"What a configuration of many services costs the control thread: to parse it, to build it\n"
	"all, to build it again when little or much has changed, and how much memory it takes.\n"
	"\n"
	"  --services N   (1000)\n"
	"  --backends N   of each service (100)\n"
	"  --trials N     how often each figure is taken (5)\n"
	"  --json FILE    write the result as JSON too\n";

enum step { PARSE, BUILD, SAME, WEIGHTS, WEIGHT, FLAP, STEPS };
static const char *const names[STEPS] = {
	[PARSE] = "parse the configuration",
	[BUILD] = "build all of it",
	[SAME] = "reload, nothing changed (without parsing)",
	[WEIGHTS] = "reload, every table changed (without parsing)",
	[WEIGHT] = "set the weight of one backend",
	[FLAP] = "the health of one backend changes",
};
static const char *const keys[STEPS] = {"parse",      "build",      "same",
					"all_tables", "one_weight", "flap"};

struct reload {
	uint32_t services, backends, trials;
	const char *json;
	double ms[STEPS][STATS_MAX];
	double bytes; /* a service, and what its backends take */
};

/* What the daemon holds. */
struct control {
	struct config *config;
	struct registry *services, *backends;
	struct backend_control *controls;
	struct snapshot *snapshot;
	uint64_t now_ns;
};

static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static char *write_config(const struct reload *b, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);
	if (!out)
		return NULL;
	fputs("interfaces: [{name: eth0}]\nservices:\n", out);
	for (uint32_t s = 0; s < b->services; s++) {
		fprintf(out,
			"  - name: service-%u\n    address: 203.0.%u.%u\n    protocol: tcp\n"
			"    ports: 443\n    health: {type: http, path: /healthz}\n    backends:\n",
			s, s >> 8, s & 255);
		for (uint32_t i = 0; i < b->backends; i++)
			fprintf(out, "      - {name: s%u-b%u, address: 10.%u.%u.%u}\n", s, i,
				1 + (i >> 16), i >> 8 & 255, i & 255);
	}
	return fclose(out) ? NULL : text;
}

/* Builds or refreshes; the one before goes, as in the daemon. */
static int build(struct control *c, bool refresh, struct err *err)
{
	static const uint8_t mac[][ETH_ALEN] = {{0x02, 0, 0, 0, 0, 0x01}};
	struct snapshot *next;
	const struct snapshot_input in = {
		.config = c->config,
		.services = c->services,
		.backends = c->backends,
		.controls = c->controls,
		.port_macs = mac,
		.port_count = 1,
		.now_ns = c->now_ns += 1000000000,
	};
	int r = refresh ? snapshot_refresh(&in, c->snapshot, &next, err)
			: snapshot_new(&in, c->snapshot, &next, err);
	if (r)
		return r;
	snapshot_free(c->snapshot);
	c->snapshot = next;
	return 0;
}

static int reload(struct control *c, struct err *err)
{
	int r = snapshot_assign_ids(c->config, c->services, c->backends, err);
	r = r ? r : build(c, false, err);
	if (!r)
		snapshot_release_ids(c->config, c->services, c->backends);
	return r;
}

static void change_all(struct config *c)
{
	for (unsigned int i = 0; i < c->service_count; i++)
		if (c->services[i].backend_count)
			c->services[i].backends[0].weight ^= 1;
}

static void close_control(struct control *c)
{
	snapshot_free(c->snapshot);
	config_free(c->config);
	registry_free(c->services);
	registry_free(c->backends);
	free(c->controls);
}

static int measure_steps(struct control *c, struct reload *b, unsigned int trial, struct err *err)
{
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	for (enum step step = BUILD; step < STEPS; step++) {
		if (step == WEIGHTS)
			change_all(c->config);
		if (step == WEIGHT)
			c->controls[0] = (struct backend_control){.has_weight = 1, .weight = 7};
		if (step == FLAP)
			c->controls[1].failed = 1;
		double begin = cpu_ms();
		int r = step >= WEIGHT ? build(c, true, err) : reload(c, err);
		if (r)
			return r;
		b->ms[step][trial] = cpu_ms() - begin;
		if (step == BUILD)
			b->bytes = (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) /
				   b->services;
	}
	return 0;
}

static int measure(struct reload *b, const char *text, size_t length, unsigned int trial,
		   struct err *err)
{
	struct control c = {
		.services = registry_new(ABI_MAX_SERVICES),
		.backends = registry_new(ABI_MAX_BACKENDS),
		.controls = calloc(ABI_MAX_BACKENDS, sizeof(*c.controls)),
	};
	int r = c.services && c.backends && c.controls ? 0 : err_set(err, ENOMEM, "no memory");
	double begin = cpu_ms();
	r = r ? r : config_parse("weir-bench", text, length, &c.config, err);
	b->ms[PARSE][trial] = cpu_ms() - begin;
	r = r ? r : measure_steps(&c, b, trial, err);
	close_control(&c);
	return r;
}

/* --- the report ---------------------------------------------------------------------------------
 */

static int print(const struct reload *b)
{
	static const struct table_column columns[] = {
		{"step", TABLE_LEFT}, {"ms", TABLE_RIGHT}, {"spread", TABLE_RIGHT}};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	if (!t)
		return -ENOMEM;
	printf("%u services of %u backends; %u trials, medians of CPU time\n\n", b->services,
	       b->backends, b->trials);
	for (enum step step = PARSE; step < STEPS; step++) {
		struct stats s = stats_of(b->ms[step], b->trials);
		table_text(t, names[step]);
		table_format(t, "%.1f", s.median);
		table_format(t, "%.1f-%.1f", s.q1, s.q3);
	}
	int r = table_print(t, stdout);
	table_free(t);
	printf("\nmemory of a service with its backends: %.0f KiB, of which its Maglev table is "
	       "most;\nthe table before is kept beside it for a while after a change\n",
	       b->bytes / 1024);
	return r;
}

static int write_json(const struct reload *b, struct err *err)
{
	json_t *root = json_pack("{s:s, s:i, s:i, s:f}", "benchmark", "reload", "services",
				 (int)b->services, "backends", (int)b->backends,
				 "bytes_per_service", b->bytes);
	for (enum step step = PARSE; step < STEPS; step++) {
		struct stats s = stats_of(b->ms[step], b->trials);
		json_object_set_new(
			root, keys[step],
			json_pack("{s:f, s:f, s:f}", "q1", s.q1, "median", s.median, "q3", s.q3));
	}
	int failed = json_dump_file(root, b->json, JSON_INDENT(2));
	json_decref(root);
	return failed ? err_set(err, EIO, "can't write %s", b->json) : 0;
}

/* --- the command --------------------------------------------------------------------------------
 */

static bool read_number(const char *text, uint32_t max, uint32_t *out)
{
	return number_read(&text, 1, max, out) && !*text;
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct reload *b)
{
	static const struct option options[] = {
		{"services", required_argument, NULL, 's'},
		{"backends", required_argument, NULL, 'b'},
		{"trials", required_argument, NULL, 't'},
		{"json", required_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool good = true;
	for (int o; (o = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
		if (o == 's')
			good &= read_number(optarg, ABI_MAX_SERVICES, &b->services);
		else if (o == 'b')
			good &= read_number(optarg, CONFIG_MAX_BACKENDS, &b->backends);
		else if (o == 't')
			good &= read_number(optarg, STATS_MAX, &b->trials);
		else if (o == 'j')
			b->json = optarg;
		else
			return o == 'h' ? options_help(usage) : options_fault(argv[0], NULL);
	}
	if (!good || optind < argc)
		return options_fault(argv[0],
				     "expected --services 1 to %u, --backends 1 to %u, "
				     "--trials 1 to %u",
				     ABI_MAX_SERVICES, CONFIG_MAX_BACKENDS, STATS_MAX);
	return -1;
}

int command_reload_bench(int argc, char **argv)
{
	struct reload b = {.services = 1000, .backends = 100, .trials = 5};
	struct err err = {""};
	size_t length;
	int status = read_options(argc, argv, &b);
	if (status >= 0)
		return status;
	char *text = write_config(&b, &length);
	int r = text ? 0 : err_set(&err, ENOMEM, "no memory for a configuration");
	for (unsigned int trial = 0; trial < b.trials && !r; trial++)
		r = measure(&b, text, length, trial, &err);
	free(text);
	r = r ? r : print(&b);
	if (!r && b.json)
		r = write_json(&b, &err);
	if (!r)
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", argv[0], err.text);
	return EXIT_FAILED;
}
