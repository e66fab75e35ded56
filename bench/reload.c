// SPDX-License-Identifier: BSD-2-Clause
/*
 * Parses and builds a configuration of many services and backends, all names different, then what
 * may change in it: nothing, all weights, one weight, one backend's health. CPU time of this
 * thread.
 */
#include "bench/reload.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/report.h"
#include "bench/setting.h"
#include "bench/stats.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/command.h"

static const char usage[] =
	"Usage: weir-bench reload [OPTION...]\n"
	"\n"
	"What a configuration of many services costs the control thread: to parse it, to build it\n"
	"all, to build it again when little or much has changed, and how much memory it takes.\n"
	"\n"
	"  --services N       (1000)\n"
	"  --backends N       of each service (100)\n"
	"  --trials N         how often each figure is taken (5)\n" REPORT_USAGE;

enum step { PARSE, BUILD, SAME, WEIGHTS, WEIGHT, FLAP, STEPS };
static const char *const names[STEPS] = {
	[PARSE] = "parse the configuration",
	[BUILD] = "build all of it",
	[SAME] = "reload, nothing changed (without parsing)",
	[WEIGHTS] = "reload, every table changed (without parsing)",
	[WEIGHT] = "set the weight of one backend",
	[FLAP] = "the health of one backend changes",
};

struct reload {
	uint32_t services, backends, trials;
	struct report_files files;
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

/* --- the report ------------------------------------------------------------------------------- */

static void make_report(const struct reload *b, json_t *report)
{
	static const struct report_column columns[] = {{"step", "step", .sort = REPORT_NAME},
						       {"ms", "ms", REPORT_SAMPLE, 1, REPORT_LESS}};
	json_t *table =
		report_table(report, "reload", "", columns, sizeof(columns) / sizeof(columns[0]));
	report_fact(report, "%u services of %u backends; %u trials, medians of CPU time",
		    b->services, b->backends, b->trials);
	for (enum step step = PARSE; step < STEPS; step++) {
		json_t *row = report_row(table);
		report_text(row, "step", "%s", names[step]);
		report_sample(row, "ms", b->ms[step], b->trials);
	}
	report_note(table,
		    "memory of a service with its backends: %.0f KiB, of which its Maglev table is "
		    "most; the table before is kept beside it for a while after a change",
		    b->bytes / 1024);
}

/* --- the command ------------------------------------------------------------------------------ */

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct reload *b)
{
	const struct setting settings[] = {
		{"services", setting_whole, &b->services, .min = 1, .max = ABI_MAX_SERVICES},
		{"backends", setting_whole, &b->backends, .min = 1, .max = CONFIG_MAX_BACKENDS},
		{"trials", setting_whole, &b->trials, .min = 1, .max = STATS_MAX},
		REPORT_SETTINGS(&b->files),
	};
	return settings_read(argc, argv, usage, settings, sizeof(settings) / sizeof(settings[0]),
			     NULL);
}

/* All trials, and what is said of them. */
static int run(struct reload *b, const char *text, size_t length, struct err *err)
{
	json_t *report = report_new("reload");
	int r = report_check_files(&b->files, err);
	for (unsigned int trial = 0; trial < b->trials && !r; trial++)
		r = measure(b, text, length, trial, err);
	if (!r) {
		make_report(b, report);
		r = report_save(report, &b->files, err);
	}
	json_decref(report);
	return r;
}

int command_reload_bench(int argc, char **argv)
{
	struct reload b = {.services = 1000, .backends = 100, .trials = 5};
	struct err err = {.text = ""};
	size_t length;
	int status = read_options(argc, argv, &b);
	if (status >= 0)
		return status;
	char *text = write_config(&b, &length);
	int r = text ? 0 : err_set(&err, ENOMEM, "no memory for a configuration");
	r = r ? r : run(&b, text, length, &err);
	free(text);
	return settings_exit_failed(argv[0], r, &err);
}
