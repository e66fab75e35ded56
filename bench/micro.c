// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row after the other, its trials one after the other; in each trial touch and lb_process take
 * turns (bench/rig.h), so that what the machine does meanwhile happens to both.
 */
#include "bench/micro.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench/child.h"
#include "bench/machine.h"
#include "bench/micro_report.h"
#include "bench/report.h"
#include "bench/rig.h"
#include "bench/setting.h"
#include "lb/err.h"
#include "tools/weir/command.h"

#define ENTRIES_MIN   (1u << 20)
#define TRAFFIC_COUNT (sizeof(traffic) / sizeof(traffic[0]))

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
	struct setting_counts flows;
	uint32_t trials, cpu; /* UINT32_MAX: the last one */
	struct report_files files;
};

static const char usage[] =
	"Usage: weir-bench micro [OPTION...]\n"
	"\n"
	"What lb_process() costs a packet, in memory, without a network: for flows that are known\n"
	"and for new ones, IPv4 and IPv6, TCP and UDP, beside the cost of only touching the same\n"
	"packets. Fails when an allocator or a lock was called meanwhile. Then what parsing alone\n"
	"costs, by kind of packet.\n"
	"\n"
	"  --flows N[,N...]   how many flows are known (1000,100000,1000000)\n"
	"  --trials N         how often each figure is taken (5)\n"
	"  --cpu N            which CPU to run on (the last one)\n" REPORT_USAGE;

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct micro_options *o)
{
	const struct setting settings[] = {
		{"flows", setting_counts, &o->flows, .min = 1, .max = FRAMES_FLOWS},
		{"trials", setting_whole, &o->trials, .min = 1, .max = STATS_MAX},
		{"cpu", setting_whole, &o->cpu, .min = 0, .max = CPU_SETSIZE - 1},
		REPORT_SETTINGS(&o->files),
	};
	*o = (struct micro_options){
		.flows = {{1000, 100000, 1000000}, 3}, .trials = 5, .cpu = UINT32_MAX};
	return settings_read(argc, argv, usage, settings, sizeof(settings) / sizeof(settings[0]),
			     NULL);
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
	for (unsigned int i = 0; i <= o->flows.count && !r; i++) {
		struct micro_row *row = &out->rows[out->row_count++];
		row->family = traffic[which].family;
		row->protocol = traffic[which].protocol;
		row->flows = i < o->flows.count ? o->flows.values[i] : 0;
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
	for (unsigned int i = 0; i < o->flows.count; i++)
		if (o->flows.values[i] > out->entries)
			out->entries = o->flows.values[i];
	out->rows = calloc((o->flows.count + 1) * TRAFFIC_COUNT, sizeof(*out->rows));
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

static int prepare(const struct micro_options *o, struct micro_result *result, struct err *err)
{
	int r = machine_pin(o->cpu == UINT32_MAX ? -1 : (int)o->cpu);
	if (r < 0)
		return err_set(err, -r, "can't run on CPU %u: %s", o->cpu, strerror(-r));
	result->cpu = r;
	if (!calls_are_counted())
		return err_set(err, EINVAL,
			       "calls of allocators are not counted: it was linked "
			       "without --wrap");
	return report_check_files(&o->files, err);
}

static int run(const struct micro_options *o, struct err *err)
{
	struct micro_result result = {};
	json_t *report = report_new("micro");
	int r = prepare(o, &result, err);
	child_go_first();
	if (!r)
		r = measure_all(&result, o, err);
	if (!r) {
		micro_report(&result, report);
		r = report_save(report, &o->files, err);
	}
	if (!r && (result.calls.allocations || result.calls.locks))
		r = err_set(err, EINVAL, "lb_process called an allocator or a lock");
	json_decref(report);
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
	return settings_exit_failed(argv[0], run(&o, &err), &err);
}
