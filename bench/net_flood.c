// SPDX-License-Identifier: BSD-2-Clause
/*
 * A SYN flood beside established connections. These are learned while all backends are up; then
 * half of the backends drain, so that a connection that Weir forgot would go somewhere else, and be
 * seen to. The sink remembers where each went.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <time.h>

#include "bench/net.h"
#include "bench/stage.h"
#include "bpf/packet.h"
#include "lb/err.h"

#define FLOOD_SHARE  128u /* of 256 frames */
#define CALM_SECONDS 2
#define SWEEPS_S     15 /* after so long the flow table has been counted anew, twice */

/* A table in which nearly every flow finds a place: none of those that are looked at is untracked.
 */
#define ENTRIES_PER_FLOW 4u

static void wait_for_sweeps(void)
{
	nanosleep(&(struct timespec){.tv_sec = SWEEPS_S}, NULL);
}

static double part(uint64_t received, uint64_t sent)
{
	return sent ? (double)received / sent : 0;
}

/* Everybody's packets, by themselves. */
static int measure_calm(struct stage *s, struct dut *d, struct net_flood *out, struct err *err)
{
	struct stage_run run;
	stage_mix(s, out->flows, 0);
	int r = stage_run(s, d, CALM_SECONDS, &run, err);
	if (r)
		return r;
	out->calm_mpps = run.received[TRAFFIC_FLOW] / run.seconds / 1e6;
	out->calm_share = part(run.received[TRAFFIC_FLOW], run.sent[TRAFFIC_FLOW]);
	return 0;
}

static int measure_flooded(struct stage *s, struct dut *d, struct net_flood *out, struct err *err)
{
	struct stage_run run;
	stage_mix(s, out->flows, FLOOD_SHARE);
	int r = stage_run(s, d, out->seconds, &run, err);
	if (r)
		return r;
	out->mpps = run.received[TRAFFIC_FLOW] / run.seconds / 1e6;
	out->share = part(run.received[TRAFFIC_FLOW], run.sent[TRAFFIC_FLOW]);
	out->syn_mpps = run.sent[TRAFFIC_SYN] / run.seconds / 1e6;
	out->syn_share = part(run.received[TRAFFIC_SYN], run.sent[TRAFFIC_SYN]);
	return 0;
}

/* One packet of each connection: what the XDP program hands to a worker it had forgotten. */
static int count_missed(struct stage *s, struct dut *d, uint32_t flows, uint64_t *out,
			struct err *err)
{
	struct dut_status before, after;
	int r = dut_read_weir(d, &before, err);
	if (!r)
		r = stage_send_each(s, d, flows, err);
	if (!r)
		r = dut_read_weir(d, &after, err);
	*out = r ? 0 : after.steered - before.steered;
	return r;
}

static int count_established(struct dut *d, uint64_t *out, struct err *err)
{
	struct dut_status status;
	wait_for_sweeps();
	int r = dut_read_weir(d, &status, err);
	*out = r ? 0 : status.established;
	return r;
}

static uint64_t moved_so_far(const struct stage *s)
{
	struct traffic_seen seen;
	sink_read(&s->sink, &seen);
	return seen.moved;
}

static int run_flood(struct stage *s, struct dut *d, struct dut_weir *setup, struct net_flood *out,
		     struct err *err)
{
	int r = stage_learn(s, d, IPPROTO_TCP, out->flows, err);
	if (!r)
		r = count_established(d, &out->before, err);
	setup->draining = WIRE_BACKENDS / 2;
	if (!r)
		r = dut_reload_weir(d, setup, err);
	if (!r)
		r = generator_shape(&s->generator, TRAFFIC_SYN, IPPROTO_TCP, PACKET_TCP_SYN, err);
	if (!r)
		r = count_missed(s, d, out->flows, &out->missed_before, err);
	/* Those that found no place have gone to another backend by now. */
	uint64_t moved = moved_so_far(s);
	if (!r)
		r = measure_calm(s, d, out, err);
	if (!r)
		r = measure_flooded(s, d, out, err);
	if (!r)
		r = count_missed(s, d, out->flows, &out->missed_after, err);
	out->moved = moved_so_far(s) - moved;
	if (!r)
		r = count_established(d, &out->after, err);
	return r;
}

int net_measure_flood(const struct net_options *o, struct net_flood *out, struct err *err)
{
	struct stage stage;
	struct dut weir = {.wire.far = -1, .link = -1};
	struct dut_weir setup = {
		.protocol = IPPROTO_TCP,
		.fast_path = true,
		.entries = o->flood_flows * ENTRIES_PER_FLOW,
		.cpu = o->worker_cpu,
	};
	*out = (struct net_flood){.flows = o->flood_flows, .seconds = o->flood_seconds};
	int r = stage_open(&stage, o->flood_flows, err);
	if (r)
		return r;
	r = stage_add(&stage, &weir, "weir", err);
	if (!r)
		r = dut_start_weir(&weir, o->weir, o->folder, &setup, err);
	if (!r)
		r = run_flood(&stage, &weir, &setup, out, err);
	out->measured = !r;
	dut_close(&weir);
	stage_close(&stage);
	return r;
}
