// SPDX-License-Identifier: BSD-2-Clause
#include "bench/trial.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/receiver.h"
#include "bench/sender.h"
#include "lb/err.h"

#define STEP_S  0.02
#define QUIET_S 0.1 /* nothing came for so long: nothing more will */
#define DRAIN_S 2.0 /* not longer than that */

static void pause_for(double seconds)
{
	struct timespec t = {.tv_sec = seconds, .tv_nsec = fmod(seconds, 1) * 1e9};
	nanosleep(&t, NULL);
}

static uint64_t arrived(const struct receiver *r)
{
	struct received now;
	receiver_read(r, &now);
	return now.stamped.received;
}

/* Until all that were sent have come since `before`, or no more do. */
static void drain(const struct receiver *r, uint64_t before, uint64_t sent)
{
	uint64_t last = arrived(r);
	double quiet = 0;
	for (double t = 0; t < DRAIN_S && quiet < QUIET_S && last - before < sent; t += STEP_S) {
		pause_for(STEP_S);
		uint64_t now = arrived(r);
		quiet = now == last ? quiet + STEP_S : 0;
		last = now;
	}
}

static int read_latency(const struct trial_setup *s, struct trial *t, struct err *err)
{
	uint64_t *now = calloc(HISTOGRAM_SLOTS, sizeof(*now));
	if (!now)
		return err_set(err, ENOMEM, "no memory for latencies");
	receiver_read_latency(s->receiver, now);
	for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++)
		t->latency[i] += now[i] - s->latency_before[i];
	memcpy(s->latency_before, now, HISTOGRAM_SLOTS * sizeof(*now));
	free(now);
	return 0;
}

static void judge(struct trial *t, const struct sender_sent *sent, const struct received *before,
		  const struct received *after)
{
	t->sent = sent->packets - sent->failed;
	t->took_s = sent->seconds;
	t->wanted = t->count ? t->count : t->pps > 0 ? t->pps * t->seconds + 0.5 : sent->packets;
	t->duplicates = after->stamped.duplicates - before->stamped.duplicates;
	t->reordered = after->stamped.reordered - before->stamped.reordered;
	t->received = after->stamped.received - before->stamped.received - t->duplicates;
	t->loss = t->wanted > t->received ? (double)(t->wanted - t->received) / t->wanted : 0;
	t->rate = t->received / (t->seconds > 0 ? t->seconds : t->took_s > 0 ? t->took_s : 1);
}

int trial_run(const struct trial_setup *s, struct trial *t, struct err *err)
{
	const struct sender_run run = {.pps = t->pps, .seconds = t->seconds, .count = t->count};
	struct received before, after;
	struct sender_sent sent;
	pause_for(s->settle_s);
	receiver_read(s->receiver, &before);
	int r = sender_do(s->sender, &run, &sent, err);
	if (r)
		return r;
	drain(s->receiver, before.stamped.received, sent.packets);
	receiver_read(s->receiver, &after);
	judge(t, &sent, &before, &after);
	return t->latency && s->latency_before ? read_latency(s, t, err) : 0;
}
