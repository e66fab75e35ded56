// SPDX-License-Identifier: BSD-2-Clause
/*
 * `weir-bench api`: what the control thread of a daemon that runs does, and at what price: scrapes,
 * calls at a rate, reloads, health checks. bench/control.sh makes a daemon for it.
 */
#include "bench/api_command.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/api_load.h"
#include "bench/daemon_cpu.h"
#include "bench/report.h"
#include "bench/setting.h"
#include "bench/stats.h"
#include "lb/err.h"
#include "tools/weir/client.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

#define COUNT(list) (sizeof(list) / sizeof(list[0]))

/* What there is to measure. */
static const char *const parts[] = {"scrapes", "calls", "reloads", "checks"};
#define PART_RELOADS (1u << 2)

struct api_options {
	struct api_load load;
	uint32_t trials, parts;
	const char *config, *changed;
	struct report_files files;
};

static const char usage[] =
	"Usage: weir-bench api [-s SOCKET] [OPTION...]\n"
	"\n"
	"Against a daemon that runs, its control thread: how long a scrape of /metrics takes; "
	"whether\n"
	"it stands so many calls of /v1/status a second, and whether a packet was dropped "
	"meanwhile\n"
	"that a worker or its ring should have taken; what reloads take; how many health checks "
	"it\n"
	"makes. Beside the time that passed stands the CPU time of that thread.\n"
	"\n"
	"  -s, --socket SOCKET    where it listens (" DEFAULT_SOCKET ")\n"
	"      --only PART[,...]  some of scrapes, calls, reloads, checks (scrapes,calls)\n"
	"      --trials N         of scrapes and reloads (5)\n"
	"      --rate CALLS       a second; 10000 by default\n"
	"      --seconds SECONDS  of calls and of checks; 10 by default\n"
	"      --connections N    16 by default\n"
	"      --config FILE      of reloads: the daemon's configuration, which is written anew\n"
	"      --changed FILE,... of reloads: what it becomes, and back again\n" REPORT_USAGE
	"  -h, --help             this text\n";

/* A bench against one daemon. */
struct api {
	const struct api_options *o;
	struct daemon_cpu cpu;
	json_t *report;
};

static double clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* A span of time, and of the daemon's CPU time. */
struct span {
	double ms, cpu_ms;
};

static int begin_span(const struct api *a, struct span *s, struct err *err)
{
	s->ms = clock_ms();
	return daemon_cpu_read(&a->cpu, &s->cpu_ms, err);
}

static int end_span(const struct api *a, struct span *s, struct err *err)
{
	double cpu_ms = 0;
	double ms = clock_ms();
	/* It has yet to go back to waiting: then the kernel adds up. */
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	int r = daemon_cpu_read(&a->cpu, &cpu_ms, err);
	*s = (struct span){ms - s->ms, cpu_ms - s->cpu_ms};
	return r;
}

/* --- scrapes ---------------------------------------------------------------------------------- */

static int count_bytes(void *bytes, const void *data, size_t length)
{
	*(size_t *)bytes += length;
	return 0;
}

static int measure_scrapes(struct api *a, struct err *err)
{
	static const struct report_column columns[] = {
		{"what", "what", .sort = REPORT_NAME},
		{"ms", "ms", REPORT_SAMPLE, 1, REPORT_LESS},
		{"cpu_ms", "CPU ms", REPORT_SAMPLE, 1, REPORT_LESS},
		{"mb", "MB", REPORT_REAL, .digits = 1},
	};
	double ms[STATS_MAX], cpu_ms[STATS_MAX];
	size_t bytes = 0;
	int r = 0;
	for (unsigned int i = 0; i < a->o->trials && !r; i++) {
		struct span s;
		bytes = 0;
		r = begin_span(a, &s, err);
		r = r ? r : client_stream(a->o->load.socket, "/metrics", count_bytes, &bytes, err);
		r = r ? r : end_span(a, &s, err);
		ms[i] = s.ms;
		cpu_ms[i] = s.cpu_ms;
	}
	if (r)
		return r;
	json_t *row =
		report_row(report_table(a->report, "scrape", "Scrapes", columns, COUNT(columns)));
	report_text(row, "what", "GET /metrics");
	report_sample(row, "ms", ms, a->o->trials);
	report_sample(row, "cpu_ms", cpu_ms, a->o->trials);
	report_number(row, "mb", bytes / 1e6);
	return 0;
}

/* --- calls ------------------------------------------------------------------------------------ */

/* What workers dropped, and what was lost in front of them because they were too slow. */
static int read_drops(const char *socket, long long *out, struct err *err)
{
	json_t *document, *row;
	size_t i;
	int rc = client_get(socket, "/v1/drops", &document, err);
	*out = 0;
	if (rc)
		return rc;
	json_array_foreach(json_object_get(document, "reasons"), i, row) *out +=
		json_integer_value(json_object_get(row, "worker")) +
		json_integer_value(json_object_get(row, "kernel"));
	json_decref(document);
	return 0;
}

static void report_calls(const struct api *a, const struct api_load_result *r, const struct span *s,
			 long long drops)
{
	static const struct report_column columns[] = {
		{"what", "what", .sort = REPORT_NAME},
		{"wanted", "asked for, a second", .sort = REPORT_NAME},
		{"rate", "answered, a second", REPORT_REAL, 0, REPORT_MORE},
		{"failed", "failed", REPORT_COUNT, .better = REPORT_LESS},
		{"median_us", "median us", REPORT_REAL, 0, REPORT_LESS},
		{"most_us", "longest us", REPORT_REAL, 0, REPORT_LESS},
		{"cpu_us", "CPU us a call", REPORT_REAL, 1, REPORT_LESS},
		{"drops", "drops of workers meanwhile", REPORT_COUNT, .better = REPORT_LESS},
	};
	json_t *row =
		report_row(report_table(a->report, "calls", "Calls", columns, COUNT(columns)));
	report_text(row, "what", "GET %s", a->o->load.path);
	report_text(row, "wanted", "%u", a->o->load.rate);
	report_number(row, "rate", r->calls / r->seconds);
	report_number(row, "failed", r->failed);
	report_number(row, "median_us", r->median_us);
	report_number(row, "most_us", r->most_us);
	if (r->calls)
		report_number(row, "cpu_us", s->cpu_ms * 1e3 / r->calls);
	report_number(row, "drops", drops);
}

static int measure_calls(struct api *a, struct err *err)
{
	struct api_load_result result;
	long long before, after;
	struct span s;
	int r = read_drops(a->o->load.socket, &before, err);
	r = r ? r : begin_span(a, &s, err);
	r = r ? r : api_load_run(&a->o->load, &result, err);
	r = r ? r : end_span(a, &s, err);
	r = r ? r : read_drops(a->o->load.socket, &after, err);
	if (!r)
		report_calls(a, &result, &s, after - before);
	return r;
}

/* --- reloads ---------------------------------------------------------------------------------- */

static int copy(const char *from, const char *to, struct err *err)
{
	char block[65536];
	size_t n;
	FILE *in = fopen(from, "re");
	if (!in)
		return err_set(err, errno, "can't read %s: %m", from);
	FILE *out = fopen(to, "we");
	while (out && (n = fread(block, 1, sizeof(block), in)))
		fwrite(block, 1, n, out);
	int r = ferror(in) ? err_set(err, EIO, "can't read %s", from) : 0;
	fclose(in);
	if (!out || fclose(out))
		r = err_set(err, errno, "can't write %s: %m", to);
	return r;
}

static int reload(const struct api *a, const char *file, struct span *s, struct err *err)
{
	json_t *answer;
	int r = copy(file, a->o->config, err);
	r = r ? r : begin_span(a, s, err);
	r = r ? r : client_post(a->o->load.socket, "/v1/reload", &answer, err);
	if (r)
		return r;
	json_decref(answer);
	return end_span(a, s, err);
}

/* "/tmp/one weight.yaml" is the step "one weight". */
static void report_step(json_t *table, const char *file, const double *ms, const double *cpu_ms,
			unsigned int trials)
{
	const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	json_t *row = report_row(table);
	report_text(row, "step", "%.*s", (int)strcspn(name, "."), name);
	report_sample(row, "ms", ms, trials);
	report_sample(row, "cpu_ms", cpu_ms, trials);
}

static int measure_step(const struct api *a, const char *file, const char *back, json_t *table,
			struct err *err)
{
	double ms[STATS_MAX], cpu_ms[STATS_MAX];
	struct span s;
	int r = 0;
	for (unsigned int i = 0; i < a->o->trials && !r; i++) {
		r = reload(a, file, &s, err);
		ms[i] = s.ms;
		cpu_ms[i] = s.cpu_ms;
		r = r ? r : reload(a, back, &s, err);
	}
	if (!r)
		report_step(table, file, ms, cpu_ms, a->o->trials);
	return r;
}

static int measure_steps(const struct api *a, const char *back, struct err *err)
{
	static const struct report_column columns[] = {
		{"step", "what has changed", .sort = REPORT_NAME},
		{"ms", "ms", REPORT_SAMPLE, 0, REPORT_LESS},
		{"cpu_ms", "CPU ms", REPORT_SAMPLE, 0, REPORT_LESS},
	};
	json_t *table = report_table(a->report, "reload", "Reloads", columns, COUNT(columns));
	char file[512];
	int r = 0;
	for (const char *at = a->o->changed; *at && !r;) {
		size_t length = strcspn(at, ",");
		snprintf(file, sizeof(file), "%.*s", (int)length, at);
		r = measure_step(a, file, back, table, err);
		at += length + (at[length] == ',');
	}
	report_note(table, "the whole of `weir reload`: parsed, compared, built, next hops and the "
			   "kernel's maps");
	return r;
}

static int measure_reloads(struct api *a, struct err *err)
{
	char back[512];
	snprintf(back, sizeof(back), "%s.before", a->o->config);
	int r = copy(a->o->config, back, err);
	r = r ? r : measure_steps(a, back, err);
	remove(back);
	return r;
}

/* --- health checks ---------------------------------------------------------------------------- */

struct lines {
	char text[256];
	size_t length;
	double checks;
};

/* Adds up the results of checks; other lines pass by. */
static int read_checks(void *context, const void *data, size_t length)
{
	struct lines *l = context;
	const char *bytes = data;
	double value;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\n') {
			if (l->length + 1 < sizeof(l->text))
				l->text[l->length++] = bytes[i];
			continue;
		}
		l->text[l->length] = '\0';
		l->length = 0;
		if (sscanf(l->text, "weir_health_checks_total{result=%*[^}]} %lf", &value) == 1)
			l->checks += value;
	}
	return 0;
}

static int count_checks(const struct api *a, double *checks, struct err *err)
{
	struct lines l = {};
	int r = client_stream(a->o->load.socket, "/metrics", read_checks, &l, err);
	*checks = l.checks;
	return r;
}

static int measure_checks(struct api *a, struct err *err)
{
	static const struct report_column columns[] = {
		{"what", "what", .sort = REPORT_NAME},
		{"rate", "a second", REPORT_REAL, 0, REPORT_MORE},
		{"cpu_us", "CPU us a check", REPORT_REAL, 1, REPORT_LESS},
	};
	double before, after;
	struct span s;
	int r = count_checks(a, &before, err);
	r = r ? r : begin_span(a, &s, err);
	if (!r)
		nanosleep(&(struct timespec){.tv_sec = a->o->load.seconds}, NULL);
	r = r ? r : end_span(a, &s, err);
	r = r ? r : count_checks(a, &after, err);
	if (r)
		return r;
	json_t *row = report_row(
		report_table(a->report, "checks", "Health checks", columns, COUNT(columns)));
	report_text(row, "what", "health checks");
	report_number(row, "rate", (after - before) * 1e3 / s.ms);
	if (after > before)
		report_number(row, "cpu_us", s.cpu_ms * 1e3 / (after - before));
	return 0;
}

/* --- the command ------------------------------------------------------------------------------ */

static int (*const measures[])(struct api *a, struct err *err) = {measure_scrapes, measure_calls,
								  measure_reloads, measure_checks};
_Static_assert(COUNT(measures) == COUNT(parts), "a part, a measure");

static int run(const struct api_options *o, struct err *err)
{
	struct api a = {.o = o, .cpu.fd = -1, .report = report_new("api")};
	int r = report_check_files(&o->files, err);
	r = r ? r : daemon_cpu_open(&a.cpu, o->load.socket, err);
	for (size_t i = 0; i < COUNT(parts) && !r; i++)
		if (o->parts & 1u << i)
			r = measures[i](&a, err);
	report_fact(a.report, "against a daemon that runs; CPU time is that of its control thread");
	r = r ? r : report_save(a.report, &o->files, err);
	daemon_cpu_close(&a.cpu);
	json_decref(a.report);
	return r;
}

int command_api(int argc, char **argv)
{
	struct api_options o = {.load = {.socket = DEFAULT_SOCKET,
					 .path = "/v1/status",
					 .connections = 16,
					 .seconds = 10,
					 .rate = 10000},
				.trials = 5};
	const char *only = "scrapes,calls";
	const struct setting settings[] = {
		{"socket", setting_text, &o.load.socket, .letter = 's'},
		{"only", setting_text, .out = &only},
		{"trials", setting_whole, &o.trials, .min = 1, .max = STATS_MAX},
		{"rate", setting_whole, &o.load.rate, .min = 1, .max = 10000000},
		{"seconds", setting_whole, &o.load.seconds, .min = 1, .max = 3600},
		{"connections", setting_whole, &o.load.connections, .min = 1,
		 .max = API_LOAD_CONNECTIONS},
		{"config", setting_text, .out = &o.config},
		{"changed", setting_text, .out = &o.changed},
		REPORT_SETTINGS(&o.files),
	};
	struct err err = {0};
	int status = settings_read(argc, argv, usage, settings, COUNT(settings), NULL);
	if (status >= 0)
		return status;
	if (!setting_words(only, parts, COUNT(parts), &o.parts))
		return options_fault(argv[0], "--only %s: some of scrapes, calls, reloads, checks",
				     only);
	if (o.parts & PART_RELOADS && (!o.config || !o.changed))
		return options_fault(argv[0], "reloads need --config and --changed");
	return settings_exit(argv[0], run(&o, &err), &err);
}
