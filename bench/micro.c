// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row after the other, its trials one after the other; in each trial touch and lb_process take
 * turns (bench/rig.h), so that what the machine does meanwhile happens to both.
 */
#include "bench/micro.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro_report.h"
#include "bench/number.h"
#include "bench/rig.h"
#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

#define FLOW_COUNTS_MAX 16u
#define ENTRIES_MIN     (1u << 20)
#define TRAFFIC_COUNT   (sizeof(traffic) / sizeof(traffic[0]))

static const struct {
	enum frames_family family;
	uint8_t protocol;
} traffic[] = {
	{FRAMES_IPV4, IPPROTO_TCP},
	{FRAMES_IPV4, IPPROTO_UDP},
	{FRAMES_IPV6, IPPROTO_TCP},
	{FRAMES_IPV6, IPPROTO_UDP},
};

struct micro_options {
	uint32_t flows[FLOW_COUNTS_MAX];
	unsigned int flow_counts;
	uint32_t trials;
	int cpu; /* -1: the last one */
	const char *json, *markdown;
};

static const char usage[] =
	"Usage: weir-bench micro [OPTION...]\n"
	"\n"
	"What lb_process() costs a packet, in memory, without a network: for flows that are known\n"
	"and for new ones, IPv4 and IPv6, TCP and UDP, beside the cost of only touching the same\n"
	"packets. Fails when an allocator or a lock was called meanwhile. Then what parsing alone\n"
	"costs, by kind of packet.\n"
	"\n"
	"  --flows N[,N...]  how many flows are known (1000,100000,1000000)\n"
	"  --trials N        how often each figure is taken (5)\n"
	"  --cpu N           which CPU to run on (the last one)\n"
	"  --json FILE       write the result as JSON too, with each trial\n"
	"  --markdown FILE   write the result as Markdown too\n";

/* --- the command line ------------------------------------------------------------------------- */

static bool read_whole(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
	return number_read(&text, min, max, out) && !*text;
}

static bool read_flows(const char *text, struct micro_options *o)
{
	o->flow_counts = 0;
	while (o->flow_counts < FLOW_COUNTS_MAX &&
	       number_read(&text, 1, FRAMES_FLOWS, &o->flows[o->flow_counts++])) {
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

static int take_option(int option, const char *value, struct micro_options *o)
{
	uint32_t cpu;
	switch (option) {
	case 'f':
		if (read_flows(value, o))
			return -1;
		return options_fault("weir-bench micro",
				     "--flows %s: up to %u counts of 1 to %u, like 1000,100000",
				     value, FLOW_COUNTS_MAX, FRAMES_FLOWS);
	case 't':
		if (read_whole(value, 1, STATS_MAX, &o->trials))
			return -1;
		return options_fault("weir-bench micro", "--trials: a number from 1 to %u",
				     STATS_MAX);
	case 'c':
		if (!read_whole(value, 0, CPU_SETSIZE - 1, &cpu))
			return options_fault("weir-bench micro", "--cpu: the number of a CPU");
		o->cpu = cpu;
		return -1;
	case 'j':
		o->json = value;
		return -1;
	case 'm':
		o->markdown = value;
		return -1;
	case 'h':
		return options_help(usage);
	default:
		return options_fault("weir-bench micro", NULL);
	}
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct micro_options *o)
{
	static const struct option options[] = {
		{"flows", required_argument, NULL, 'f'},
		{"trials", required_argument, NULL, 't'},
		{"cpu", required_argument, NULL, 'c'},
		{"json", required_argument, NULL, 'j'},
		{"markdown", required_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	*o = (struct micro_options){
		.flows = {1000, 100000, 1000000}, .flow_counts = 3, .trials = 5, .cpu = -1};
	int option, status = -1;
	while (status < 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		status = take_option(option, optarg, o);
	if (status < 0 && optind < argc)
		return options_fault(argv[0], "there is no operand '%s'", argv[optind]);
	return status;
}

/* --- measuring -------------------------------------------------------------------------------- */

static int measure_row(struct rig *rig, struct micro_row *row, unsigned int trials, struct err *err)
{
	struct trial t;
	int r = row->flows ? rig_learn(rig, row->flows, err) : 0;
	for (unsigned int i = 0; i < trials && !r; i++) {
		r = row->flows ? rig_try_known(rig, row->flows, &t, err)
			       : rig_try_new(rig, &t, err);
		if (r)
			break;
		row->touch_ns[i] = t.touch_ns;
		row->process_ns[i] = t.process_ns;
		row->ratio[i] = t.process_ns / t.touch_ns;
	}
	row->tracked = balancer_tracked(&rig->balancer, rig->now_ns);
	return r;
}

/* The rows of one sort of traffic: one for each count of flows, and the one of new flows. */
static int measure_traffic(struct micro_result *out, const struct frames *frames,
			   const struct micro_options *o, unsigned int which, struct err *err)
{
	struct rig rig;
	int r = rig_open(&rig, frames, traffic[which].family, traffic[which].protocol, out->entries,
			 err);
	if (r)
		return r;
	out->flow_memory = balancer_memory(&rig.balancer);
	for (unsigned int i = 0; i <= o->flow_counts && !r; i++) {
		struct micro_row *row = &out->rows[out->row_count++];
		row->family = traffic[which].family;
		row->protocol = traffic[which].protocol;
		row->flows = i < o->flow_counts ? o->flows[i] : 0;
		r = measure_row(&rig, row, o->trials, err);
	}
	out->calls.allocations += rig.calls.allocations;
	out->calls.locks += rig.calls.locks;
	rig_close(&rig);
	return r;
}

static int measure_all(struct micro_result *out, const struct micro_options *o, struct err *err)
{
	struct frames frames;
	out->trials = o->trials;
	out->entries = ENTRIES_MIN;
	for (unsigned int i = 0; i < o->flow_counts; i++)
		if (o->flows[i] > out->entries)
			out->entries = o->flows[i];
	out->rows = calloc((o->flow_counts + 1) * TRAFFIC_COUNT, sizeof(*out->rows));
	if (!out->rows)
		return err_set(err, ENOMEM, "no memory for results");
	int r = frames_open(&frames, err);
	if (r)
		return r;
	out->packet_memory = memory_kind_name(frames.memory.kind);
	for (unsigned int i = 0; i < TRAFFIC_COUNT && !r; i++)
		r = measure_traffic(out, &frames, o, i, err);
	frames_close(&frames);
	return r ? r : parser_measure(out->parser, out->trials, err);
}

/* --- the command ------------------------------------------------------------------------------ */

/* Opened before it measures, so that a wrong path costs no minute. */
static int open_file(const char *path, FILE **out, struct err *err)
{
	*out = path ? fopen(path, "we") : NULL;
	return path && !*out ? err_set(err, errno, "can't write %s: %s", path, strerror(errno)) : 0;
}

/* Closes `out`, which may be NULL. */
static int write_file(const char *path, FILE *out, const struct micro_result *result,
		      int (*write)(const struct micro_result *, FILE *), struct err *err)
{
	if (!out)
		return 0;
	int r = write(result, out);
	if (fclose(out) && !r)
		r = -errno;
	return r ? err_set(err, -r, "can't write %s: %s", path, strerror(-r)) : 0;
}

static int report(const struct micro_result *result, const struct micro_options *o, FILE *json,
		  FILE *markdown, struct err *err)
{
	int printed = micro_print(result, stdout);
	if (printed)
		err_set(err, -printed, "can't print the result: %s", strerror(-printed));
	int r = write_file(o->json, json, result, micro_write_json, err);
	int s = write_file(o->markdown, markdown, result, micro_write_markdown, err);
	if (printed || r || s)
		return printed ? printed : r ? r : s;
	if (result->calls.allocations || result->calls.locks)
		return err_set(err, EINVAL, "lb_process called an allocator or a lock");
	return 0;
}

static int prepare(const struct micro_options *o, struct micro_result *result, struct err *err)
{
	int r = host_pin(o->cpu);
	if (r < 0)
		return err_set(err, -r, "can't run on CPU %d: %s", o->cpu, strerror(-r));
	if (!calls_are_counted())
		return err_set(err, EINVAL,
			       "calls of allocators are not counted: it was linked "
			       "without --wrap");
	host_read(&result->host);
	return 0;
}

static int run(const struct micro_options *o, struct err *err)
{
	struct micro_result result = {};
	FILE *json = NULL, *markdown = NULL;
	int r = prepare(o, &result, err);
	if (!r)
		r = open_file(o->json, &json, err);
	if (!r)
		r = open_file(o->markdown, &markdown, err);
	if (!r)
		r = measure_all(&result, o, err);
	if (!r)
		r = report(&result, o, json, markdown, err);
	free(result.rows);
	return r;
}

int command_micro(int argc, char **argv)
{
	struct micro_options o;
	struct err err = {};
	int status = read_options(argc, argv, &o);
	if (status >= 0)
		return status;
	if (!run(&o, &err))
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", argv[0], err.text);
	return EXIT_FAILED;
}
