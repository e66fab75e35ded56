// SPDX-License-Identifier: BSD-2-Clause
#include "bench/stage.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "bench/netns.h"
#include "bpf/packet.h"
#include "lb/err.h"

#define FIRST_FRAMES 500000u /* of a run, to see how fast it goes */

/* Frames that a worker has to see come at this distance: it does better than that. */
#define LEARN_PAUSE_NS 4000u

/* A handshake is finished long before it times out. */
#define HANDSHAKE_FLOWS 65536u

#define PASSES_MAX 20

static double clock_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int stage_open(struct stage *s, uint32_t watched, struct err *err)
{
	*s = (struct stage){.near = netns_new(err)};
	int r = s->near < 0 ? s->near : generator_open(&s->generator, err);
	if (!r)
		r = sink_open(&s->sink, watched, err);
	if (r)
		stage_close(s);
	return r;
}

void stage_close(struct stage *s)
{
	if (s->sink.skeleton)
		sink_close(&s->sink);
	if (s->generator.skeleton)
		generator_close(&s->generator);
	if (s->near >= 0)
		close(s->near);
	s->near = -1;
}

int stage_add(struct stage *s, struct dut *d, const char *name, struct err *err)
{
	int r = dut_open(d, s->near, name, err);
	if (!r)
		r = sink_attach(&s->sink, d->wire.near_ifindex, err);
	return r;
}

/* --- flows ------------------------------------------------------------------------------------ */

static int send_slowly(struct stage *s, const struct dut *d, uint32_t first, uint32_t count,
		       struct err *err)
{
	generator_knobs(&s->generator)->ifindex = d->wire.near_ifindex;
	generator_knobs(&s->generator)->flood = generator_knobs(&s->generator)->flood_ns = 0;
	generator_in_order(&s->generator, first, count);
	return generator_send_slowly(&s->generator, count, LEARN_PAUSE_NS, err);
}

int stage_send_each(struct stage *s, const struct dut *d, uint32_t flows, struct err *err)
{
	return send_slowly(s, d, 0, flows, err);
}

static int learn_udp(struct stage *s, struct dut *d, uint32_t flows, struct err *err)
{
	int r = generator_shape(&s->generator, TRAFFIC_FLOW, IPPROTO_UDP, 0, err);
	return r ? r : send_slowly(s, d, 0, flows, err);
}

/* A SYN for each, then an ACK for each; those that are kept go on with ACKs. */
static int learn_tcp(struct stage *s, struct dut *d, uint32_t flows, struct err *err)
{
	int r = 0;
	for (uint32_t first = 0; first < flows && !r; first += HANDSHAKE_FLOWS) {
		uint32_t left = flows - first;
		uint32_t count = left < HANDSHAKE_FLOWS ? left : HANDSHAKE_FLOWS;
		r = generator_shape(&s->generator, TRAFFIC_FLOW, IPPROTO_TCP, PACKET_TCP_SYN, err);
		if (!r)
			r = send_slowly(s, d, first, count, err);
		if (!r)
			r = generator_shape(&s->generator, TRAFFIC_FLOW, IPPROTO_TCP,
					    PACKET_TCP_ACK, err);
		if (!r)
			r = send_slowly(s, d, first, count, err);
	}
	return r;
}

int stage_learn(struct stage *s, struct dut *d, uint8_t protocol, uint32_t flows, struct err *err)
{
	struct dut_status status = {};
	int r = 0;
	/* A packet may get lost, so it is said again until there is nothing new. */
	for (int pass = 0; pass < PASSES_MAX && !r; pass++) {
		uint64_t before = status.inserts;
		r = protocol == IPPROTO_TCP ? learn_tcp(s, d, flows, err)
					    : learn_udp(s, d, flows, err);
		if (!r)
			r = dut_read_weir(d, &status, err);
		if (!r && pass && status.inserts == before)
			return 0;
	}
	return r ? r : err_set(err, ETIMEDOUT, "Weir goes on learning flows it should know");
}

/* --- measuring -------------------------------------------------------------------------------- */

void stage_mix(struct stage *s, uint32_t flows, uint32_t flood)
{
	struct traffic_knobs *knobs = generator_knobs(&s->generator);
	knobs->first = 0;
	knobs->count = flows;
	knobs->in_order = 0;
	knobs->flood = flood;
	knobs->flood_ns = 0;
}

/* Adds up (sign 1), or takes away (-1), what was sent and received so far. */
static void note(const struct stage *s, struct stage_run *out, int sign)
{
	struct traffic_seen seen;
	sink_read(&s->sink, &seen);
	for (int kind = 0; kind < TRAFFIC_KINDS; kind++) {
		out->sent[kind] += sign * (int64_t)generator_sent(&s->generator, kind);
		out->received[kind] += sign * (int64_t)seen.packets[kind];
	}
	out->seconds += sign * clock_seconds();
}

/* Sends a first part, to see how many frames make so many seconds. */
static int pace(struct stage *s, const struct dut *d, double seconds, uint32_t *frames,
		struct err *err)
{
	double start = clock_seconds();
	generator_knobs(&s->generator)->ifindex = d->wire.near_ifindex;
	int r = generator_send(&s->generator, FIRST_FRAMES, err);
	*frames = FIRST_FRAMES / (clock_seconds() - start) * seconds;
	return r;
}

int stage_run(struct stage *s, const struct dut *d, double seconds, struct stage_run *out,
	      struct err *err)
{
	uint32_t frames;
	int r = pace(s, d, seconds, &frames, err);
	*out = (struct stage_run){};
	note(s, out, -1);
	if (!r)
		r = generator_send(&s->generator, frames, err);
	note(s, out, 1);
	return r;
}

int stage_run_drops(struct stage *s, const struct dut *d, double seconds, double *mpps,
		    struct err *err)
{
	uint32_t frames;
	uint64_t before = 0, after = 0;
	int r = pace(s, d, seconds, &frames, err);
	r = r ? r : dut_read_dropped(d, &before, err);
	double start = clock_seconds();
	r = r ? r : generator_send(&s->generator, frames, err);
	double took = clock_seconds() - start;
	r = r ? r : dut_read_dropped(d, &after, err);
	*mpps = (after - before) / took / 1e6;
	return r;
}
