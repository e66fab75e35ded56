// SPDX-License-Identifier: BSD-2-Clause
#include "bench/engines.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/netns.h"
#include "bench/stream.h"
#include "lb/addr.h"
#include "lb/err.h"

#define DRAIN_NS      100000000
#define FLOWS_A_QUEUE 1u

int engines_open(struct engines *e, unsigned int threads, struct err *err)
{
	*e = (struct engines){.wire.far = -1, .from.ns = -1, .to.ns = -1};
	int near = netns_new(err);
	int r = near < 0 ? near : wire_open(&e->wire, near, "near", threads, err);
	r = r ? r : netns_enter(near, err);
	r = r ? r : place_open_in(&e->from, near, "near", err);
	r = r ? r : place_open_in(&e->to, e->wire.far, WIRE_FAR_NAME, err);
	if (near >= 0)
		close(near);
	return r;
}

void engines_close(struct engines *e)
{
	receiver_close(e->receiver);
	place_close(&e->from);
	place_close(&e->to);
	wire_close(&e->wire);
	*e = (struct engines){.wire.far = -1, .from.ns = -1, .to.ns = -1};
}

/* A timed one is opened anew: it tells when the first packet came since then. */
static int listen_by(struct engines *e, enum receiver_ear ear, uint32_t flows, struct err *err)
{
	const struct receiver_wanted wanted = {
		.ear = ear, .places = &e->to, .place_count = 1, .flows = flows, .all = true};
	if (e->receiver && e->ear == ear && ear != RECEIVER_TIMES)
		return 0;
	receiver_close(e->receiver);
	e->receiver = NULL;
	e->ear = ear;
	return receiver_open(&e->receiver, &wanted, err);
}

static int open_stream(const struct engines *e, const struct engines_trial *t, struct stream *out,
		       struct err *err)
{
	struct stream_wanted w = {.destination_port = 9,
				  .first_port = 1024,
				  .last_port = 65535,
				  .flows = FLOWS_A_QUEUE * e->from.queues,
				  .no_stamps = !t->stamps,
				  .sizes = {{t->size ? t->size : STREAM_MIN}, {1}, 1}};
	addr_parse("10.9.0.2", &w.destination);
	addr_parse("10.9.0.1", &w.sources.first);
	w.sources.last = w.sources.first;
	memcpy(w.from_mac, e->from.mac, sizeof(w.from_mac));
	memcpy(w.to_mac, e->to.mac, sizeof(w.to_mac));
	return stream_open(out, &w, err);
}

static double rate_of(const struct received *before, const struct received *now,
		      const struct engines_trial *t)
{
	uint64_t came =
		now->stamped.received + now->others - before->stamped.received - before->others;
	if (t->ear != RECEIVER_TIMES)
		return came / t->seconds;
	/* The last packet ends the last gap: n packets are n - 1 gaps. */
	return now->last_ns > now->first_ns ? (came - 1) * 1e9 / (now->last_ns - now->first_ns) : 0;
}

int engines_try(struct engines *e, const struct engines_trial *t, double *pps, struct err *err)
{
	struct stream stream = {};
	const struct sender_wanted wanted = {.from = &e->from,
					     .stream = &stream,
					     .engine = t->engine,
					     .queues = t->threads ? t->threads : 1,
					     .first_cpu = t->threads ? 0 : -1};
	const struct sender_run run = {.pps = t->pps, .seconds = t->seconds};
	struct received before = {}, now = {};
	struct sender *sender = NULL;
	struct sender_sent sent;
	int r = open_stream(e, t, &stream, err);
	r = r ? r : listen_by(e, t->ear, stream.flow_count, err);
	r = r ? r : sender_open(&sender, &wanted, err);
	if (!r)
		receiver_read(e->receiver, &before);
	r = r ? r : sender_do(sender, &run, &sent, err);
	nanosleep(&(struct timespec){.tv_nsec = DRAIN_NS}, NULL);
	if (!r)
		receiver_read(e->receiver, &now);
	*pps = rate_of(&before, &now, t);
	sender_close(sender);
	stream_close(&stream);
	return r || *pps > 0 ? r : err_set(err, EIO, "nothing arrived");
}
