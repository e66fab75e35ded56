// SPDX-License-Identifier: BSD-2-Clause
/*
 * What captures cost: the fast path with taps that nobody has armed, beside an XDP program without
 * any; and flows that are forwarded as fast as it goes while a million other packets a second are
 * dropped, and all drops captured, beside the same without the capture.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/net.h"
#include "bench/stage.h"
#include "bpf/packet.h"
#include "lb/err.h"

#define FLOWS        1000u
#define ENTRIES      (1u << 16)
#define NO_TAPS      "captures: false\n"
#define DROP_NS      1000u    /* between two packets that are dropped: a million a second */
#define RATE         3500000u /* frames of a run of one second, about */
#define SNAPLEN      "128"
#define WAIT_STEPS   500
#define WAIT_STEP_NS 10000000
#define DROP_FLOOD                                        \
	"sources: {flood: {prefixes: [198.18.0.0/15]}}\n" \
	"policy: {rules: [{name: flood, from: flood, to: any, action: drop}]}\n"

struct capture_bench {
	const struct net_options *options;
	struct stage stage;
	struct dut weir, bare;
};

static int start(struct capture_bench *b, struct dut *d, const char *more, struct err *err)
{
	const struct dut_weir setup = {
		.protocol = IPPROTO_UDP,
		.fast_path = true,
		.entries = ENTRIES,
		.more = more,
		.cpu = b->options->worker_cpu,
	};
	int r = dut_start_weir(d, b->options->weir, b->options->folder, &setup, err);
	return r ? r : stage_learn(&b->stage, d, IPPROTO_UDP, FLOWS, err);
}

/* --- not armed -------------------------------------------------------------------------------- */

static double mpps(const struct stage_run *run)
{
	return run->received[TRAFFIC_FLOW] / run->seconds / 1e6;
}

/* Each first once, so that what changes with time changes for both. */
static int try_idle(struct capture_bench *b, double *with, double *without, struct err *err)
{
	struct dut *const turns[] = {&b->bare, &b->weir, &b->weir, &b->bare};
	struct stage_run run;
	int r = 0;
	*with = *without = 0;
	for (unsigned int i = 0; i < sizeof(turns) / sizeof(turns[0]) && !r; i++) {
		r = stage_run(&b->stage, turns[i], b->options->seconds, &run, err);
		*(turns[i] == &b->weir ? with : without) += r ? 0 : mpps(&run) / 2;
	}
	return r;
}

/*
 * Where in memory program and tables lie makes them faster or slower by some per cent, so all is
 * loaded anew for each trial.
 */
static int measure_idle(struct capture_bench *b, struct net_row *row, struct err *err)
{
	int r = 0;
	for (unsigned int i = 0; i < b->options->trials && !r; i++) {
		r = start(b, &b->weir, NULL, err);
		r = r ? r : start(b, &b->bare, NO_TAPS, err);
		stage_mix(&b->stage, FLOWS, 0);
		r = r ? r : try_idle(b, &row->mpps[i], &row->baseline_mpps[i], err);
		row->ratio[i] = r ? 0 : row->mpps[i] / row->baseline_mpps[i];
		dut_stop(&b->weir);
		dut_stop(&b->bare);
	}
	return r;
}

/* --- armed ------------------------------------------------------------------------------------ */

static int await_captures(const struct dut *d, uint64_t wanted, struct err *err)
{
	uint64_t there = wanted + 1;
	int r = 0;
	for (int i = 0; i < WAIT_STEPS && !r && there != wanted; i++) {
		r = dut_read_captures(d, &there, err);
		nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_NS}, NULL);
	}
	return r || there == wanted ? r : err_set(err, ETIMEDOUT, "the capture hangs");
}

/* Flows as fast as it goes, beside drops at their rate. Adds to *dropped. */
static int run_paced(struct capture_bench *b, struct net_beside *flows, uint64_t *dropped,
		     struct err *err)
{
	struct generator *g = &b->stage.generator;
	struct traffic_seen before, after;
	struct timespec t0, t1;
	uint64_t sent = generator_sent(g, TRAFFIC_FLOW), drops = 0, dropped_then = 0;
	stage_mix(&b->stage, FLOWS, 0);
	generator_knobs(g)->flood_ns = DROP_NS;
	generator_knobs(g)->ifindex = b->weir.wire.near_ifindex;
	sink_read(&b->stage.sink, &before);
	int r = dut_read_dropped(&b->weir, &drops, err);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	r = r ? r : generator_send(g, b->options->seconds * RATE, err);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	r = r ? r : dut_read_dropped(&b->weir, &dropped_then, err);
	sink_read(&b->stage.sink, &after);
	double seconds = t1.tv_sec - t0.tv_sec + (t1.tv_nsec - t0.tv_nsec) / 1e9;
	uint64_t delivered = after.packets[TRAFFIC_FLOW] - before.packets[TRAFFIC_FLOW];
	*dropped += dropped_then - drops;
	flows->share = (double)delivered / (generator_sent(g, TRAFFIC_FLOW) - sent);
	flows->mpps = delivered / seconds / 1e6;
	flows->dropped_mpps = (dropped_then - drops) / seconds / 1e6;
	return r;
}

/* "12 packets captured, 3 lost"; added to *out. */
static int read_totals(const char *log, struct net_capture *out, struct err *err)
{
	char line[256];
	uint64_t captured = 0, lost = 0;
	bool found = false;
	FILE *f = fopen(log, "re");
	while (f && fgets(line, sizeof(line), f))
		found |= sscanf(line, "%" SCNu64 " packets captured, %" SCNu64 " lost", &captured,
				&lost) == 2;
	out->captured += captured;
	out->lost += lost;
	if (f)
		fclose(f);
	return found ? 0 : err_set(err, EIO, "the capture does not say what it has: %s", log);
}

static int measure_armed(struct capture_bench *b, struct net_capture *out, unsigned int trial,
			 struct err *err)
{
	struct child child = {};
	char file[PATH_MAX], log[PATH_MAX];
	char *argv[] = {(char *)b->options->weir,
			"capture",
			"--drops",
			"-s",
			SNAPLEN,
			"-w",
			file,
			"--socket",
			b->weir.socket,
			NULL};
	snprintf(file, sizeof(file), "%s/drops.pcapng", b->options->folder);
	snprintf(log, sizeof(log), "%s/capture.log", b->options->folder);
	int r = child_start(&child, b->weir.wire.far, b->options->worker_cpu, log, argv, err);
	r = r ? r : await_captures(&b->weir, 1, err);
	r = r ? r : run_paced(b, &out->armed[trial], &out->dropped, err);
	child_stop(&child, WAIT_STEPS);
	r = r ? r : read_totals(log, out, err);
	unlink(file);
	return r;
}

static int measure_drops(struct capture_bench *b, struct net_capture *out, struct err *err)
{
	uint64_t dropped;
	int r = start(b, &b->weir, DROP_FLOOD, err);
	r = r ? r
	      : generator_shape(&b->stage.generator, TRAFFIC_SYN, IPPROTO_TCP, PACKET_TCP_SYN, err);
	for (unsigned int i = 0; i < b->options->trials && !r; i++) {
		r = run_paced(b, &out->calm[i], &dropped, err);
		r = r ? r : measure_armed(b, out, i, err);
	}
	out->measured = !r;
	dut_stop(&b->weir);
	return r;
}

/* --- both ------------------------------------------------------------------------------------- */

int net_measure_capture(struct net_result *out, struct err *err)
{
	struct capture_bench b = {
		.options = &out->options,
		.weir = {.wire.far = -1, .link = -1},
		.bare = {.wire.far = -1, .link = -1},
	};
	struct net_row *row = &out->rows[out->row_count++];
	*row = (struct net_row){.way = "fast path, nothing captured",
				.baseline = "no taps",
				.flows = FLOWS,
				.tracked = FLOWS,
				.target = 0.98};
	int r = stage_open(&b.stage, 0, err);
	if (r)
		return r;
	r = stage_add(&b.stage, &b.weir, "weir", err);
	r = r ? r : stage_add(&b.stage, &b.bare, "bare", err);
	r = r ? r : generator_shape(&b.stage.generator, TRAFFIC_FLOW, IPPROTO_UDP, 0, err);
	fprintf(stderr, "%s\n", row->way);
	r = r ? r : measure_idle(&b, row, err);
	fprintf(stderr, "drops captured\n");
	r = r ? r : measure_drops(&b, &out->capture, err);
	dut_close(&b.weir);
	dut_close(&b.bare);
	stage_close(&b.stage);
	return r;
}
