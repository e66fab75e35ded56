// SPDX-License-Identifier: BSD-2-Clause
#include "bench/ndr.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench/receiver.h"
#include "bench/stop.h"
#include "lb/err.h"

#define LOWEST      1000.0 /* packets a second, where --min says nothing */
#define PROBE_S     1.0
#define TRIAL_COSTS 0.35 /* seconds beside the packets: to start, to let them arrive */

static double clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* --- trials ----------------------------------------------------------------------------------- */

static int keep(struct ndr *n, const struct trial *t, struct err *err)
{
	if (n->trial_count == n->trial_room) {
		size_t room = n->trial_room ? 2 * n->trial_room : 128;
		void *more = realloc(n->trials, room * sizeof(*t));
		if (!more)
			return err_set(err, ENOMEM, "no memory for trials");
		n->trials = more;
		n->trial_room = room;
	}
	n->trials[n->trial_count++] = *t;
	return 0;
}

/* RFC 2544's searches do not tell how many trials are to come. */
static void progress(const struct ndr *n, const struct trial *t)
{
	unsigned int left =
		n->options->method == NDR_MLRSEARCH ? search_trials_left(&n->search) : 0;
	fprintf(stderr, "%strial %zu: %.6f Mpps for %.2f s, lost %.4f%%", isatty(2) ? "\r" : "",
		n->trial_count, t->pps / 1e6, t->seconds, 100 * t->loss);
	if (left)
		fprintf(stderr, "; about %.0f s left",
			left * (n->options->trial_s + n->options->settle_s + TRIAL_COSTS));
	fputs(isatty(2) ? "      " : "\n", stderr);
}

int ndr_measure(void *context, struct search_trial *out, struct err *err)
{
	struct ndr *n = context;
	struct trial t = {.pps = out->load, .seconds = out->seconds};
	if (stop_is_wanted())
		return err_set(err, EINTR, "interrupted");
	int r = trial_run(&n->setup, &t, err);
	if (!r && t.sent && !t.received)
		r = path_is_silent(&n->path, t.sent, err);
	r = r ? r : keep(n, &t, err);
	if (r)
		return r;
	progress(n, &t);
	out->loss = t.loss;
	out->rate = t.rate;
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* What the sender can do, which is the highest load where none was given. */
static int probe(struct ndr *n, double *pps, struct err *err)
{
	struct trial t = {.seconds = PROBE_S};
	int r = trial_run(&n->setup, &t, err);
	if (!r && t.sent && !t.received)
		r = path_is_silent(&n->path, t.sent, err);
	if (!r)
		*pps = t.sent / PROBE_S;
	return r;
}

static int warm_up(struct ndr *n, struct err *err)
{
	struct trial t = {.pps = n->search.min, .seconds = n->options->warm_up_s};
	return t.seconds > 0 ? trial_run(&n->setup, &t, err) : 0;
}

static int find_range(struct ndr *n, struct err *err)
{
	const struct ndr_options *o = n->options;
	uint64_t line = n->path.from.line_bps;
	struct search *s = &n->search;
	int r = rate_in_pps(&o->min, n->length, line, &s->min, err);
	r = r ? r : rate_in_pps(&o->max, n->length, line, &s->max, err);
	if (!r && s->min <= 0)
		s->min = LOWEST;
	r = r ? r : warm_up(n, err);
	if (!r && s->max <= 0)
		r = probe(n, &s->max, err);
	if (!r && s->max <= s->min)
		r = err_set(err, EINVAL,
			    "the highest load, %.0f packets a second, is below the lowest, %.0f",
			    s->max, s->min);
	return r;
}

static void set_goals(struct ndr *n)
{
	const struct ndr_options *o = n->options;
	n->search.goal_count = o->losses.count;
	for (unsigned int i = 0; i < o->losses.count; i++)
		n->search.goals[i] = (struct search_goal){.loss = o->losses.ratio[i],
							  .trial_s = o->trial_s,
							  .duration_sum = o->duration_sum,
							  .exceed = o->exceed,
							  .width = o->width};
}

int ndr_open(struct ndr *n, struct ndr_options *o, uint32_t frame, struct err *err)
{
	*n = (struct ndr){.options = o, .path.from.ns = -1, .started_s = clock_s()};
	if (frame)
		o->path.stream.wanted.sizes = (struct stream_sizes){{frame}, {1}, 1};
	if (!o->path.to)
		return err_set(err, EINVAL, "where are they received? --to INTERFACE,...");
	int r = path_open(&n->path, &o->path, err);
	if (r)
		return r;
	if (!n->path.stream.shape.stamps)
		return err_set(err, EINVAL, "without stamps a receiver does not know our packets");
	n->length = n->path.mean_length;
	n->setup = (struct trial_setup){
		.sender = n->path.sender, .receiver = n->path.receiver, .settle_s = o->settle_s};
	n->search.measure = ndr_measure;
	n->search.context = n;
	set_goals(n);
	return find_range(n, err);
}

void ndr_close(struct ndr *n)
{
	search_fini(&n->search);
	free(n->trials);
	path_close(&n->path);
}
