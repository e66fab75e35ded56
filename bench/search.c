// SPDX-License-Identifier: BSD-2-Clause
/*
 * Goals are approached in stages: coarse ones with a wide interval and a short duration sum, which
 * cost few trials, then the goals themselves. All trials are kept, and all stages read them.
 */
#include "bench/search.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lb/err.h"

#define STAGES     3 /* the last one is the goal itself */
#define EXPANSION  2.0
#define AIM        0.75 /* of a goal's width: chance may move a bound a little further off */
#define TRIALS_MAX 20000u
#define SAME_LOAD  1e-9 /* relative */

/* --- what is known of a load ------------------------------------------------------------------ */

/* Seconds of the trials of a load, by what they showed. */
struct sums {
	double full_high, full_low, short_high, short_low;
};

static bool is_same(double a, double b)
{
	return fabs(a - b) <= SAME_LOAD * b;
}

static struct sums add_up(const struct search_goal *g, const struct search_trial *trials,
			  size_t count, double load)
{
	struct sums s = {0};
	for (size_t i = 0; i < count; i++) {
		const struct search_trial *t = &trials[i];
		bool high = t->loss > g->loss;
		if (!is_same(t->load, load))
			continue;
		if (t->seconds >= g->trial_s * (1 - SAME_LOAD))
			*(high ? &s.full_high : &s.full_low) += t->seconds;
		else
			*(high ? &s.short_high : &s.short_low) += t->seconds;
	}
	return s;
}

enum search_class search_classify(const struct search_goal *g, const struct search_trial *trials,
				  size_t count, double load)
{
	struct sums s = add_up(g, trials, count, load);
	/* Short trials with loss count as far as short ones without do not make up for them. */
	double balancing = s.short_low * g->exceed / (1 - g->exceed);
	double high = s.full_high + fmax(0, s.short_high - balancing);
	double whole = fmax(high + s.full_low, g->duration_sum);
	double missing = fmax(0, g->duration_sum - (high + s.full_low));
	double allowed = whole * g->exceed * (1 + SAME_LOAD);
	bool optimistic = high <= allowed, pessimistic = high + missing <= allowed;
	if (optimistic && pessimistic)
		return SEARCH_LOWER;
	return optimistic ? SEARCH_UNDECIDED : SEARCH_UPPER;
}

/* The smallest upper bound, and the largest lower bound below it. */
static struct search_found find_bounds(const struct search *s, const struct search_goal *g)
{
	struct search_found f = {.upper = INFINITY};
	for (size_t i = 0; i < s->trial_count; i++) {
		double load = s->trials[i].load;
		if (load < f.upper &&
		    search_classify(g, s->trials, s->trial_count, load) == SEARCH_UPPER)
			f.upper = load;
	}
	f.has_upper = isfinite(f.upper);
	for (size_t i = 0; i < s->trial_count; i++) {
		double load = s->trials[i].load;
		if (load <= f.lower || load >= f.upper * (1 - SAME_LOAD) ||
		    search_classify(g, s->trials, s->trial_count, load) != SEARCH_LOWER)
			continue;
		f.lower = load;
		f.has_lower = true;
	}
	return f;
}

/* --- which load is next ----------------------------------------------------------------------- */

static struct search_goal stage_goal(const struct search_goal *g, int stage)
{
	struct search_goal s = *g;
	s.width *= AIM;
	for (int i = stage; i < STAGES - 1; i++) {
		s.width *= 2;
		s.duration_sum = fmax(s.trial_s, s.duration_sum / 4);
	}
	return s;
}

static double relative_width(const struct search_found *f)
{
	return (f->upper - f->lower) / f->upper;
}

/* The load between the bounds that has trials already, and is undecided; 0: none. */
static double half_measured(const struct search *s, const struct search_goal *g,
			    const struct search_found *f)
{
	for (size_t i = s->trial_count; i-- > 0;) {
		double load = s->trials[i].load;
		if (load > f->lower && load < f->upper && s->trials[i].seconds >= g->trial_s &&
		    search_classify(g, s->trials, s->trial_count, load) == SEARCH_UNDECIDED)
			return load;
	}
	return 0;
}

/* Where one bound is missing: away from the other one, by steps that grow. */
static double look_further(const struct search *s, const struct search_goal *g,
			   const struct search_found *f, double *step)
{
	*step *= EXPANSION;
	double far = fmin(*step * g->width, 0.5);
	if (f->has_lower)
		return fmin(s->max, f->lower / (1 - far));
	return fmax(s->min, f->upper * (1 - far));
}

/* 0: the goal is reached as far as it can be. */
static double next_load(const struct search *s, const struct search_goal *g, double *step)
{
	struct search_found f = find_bounds(s, g);
	if ((f.has_lower && is_same(f.lower, s->max)) || (f.has_upper && is_same(f.upper, s->min)))
		return 0;
	if (f.has_lower && f.has_upper && relative_width(&f) <= g->width)
		return 0;
	double load = half_measured(s, g, &f);
	if (load > 0)
		return load;
	if (!f.has_lower && !f.has_upper)
		return s->max;
	if (f.has_lower && f.has_upper)
		return sqrt(f.lower * f.upper);
	return look_further(s, g, &f, step);
}

/* --- measuring -------------------------------------------------------------------------------- */

static int make_room(struct search *s, struct err *err)
{
	if (s->trial_count < s->capacity)
		return 0;
	if (s->trial_count >= TRIALS_MAX)
		return err_set(err, ERANGE, "no end after %zu trials", s->trial_count);
	size_t capacity = s->capacity ? 2 * s->capacity : 256;
	struct search_trial *more = realloc(s->trials, capacity * sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "no memory for trials");
	s->trials = more;
	s->capacity = capacity;
	return 0;
}

static int measure(struct search *s, double load, double seconds, struct err *err)
{
	struct search_trial trial = {.load = load, .seconds = seconds};
	int r = make_room(s, err);
	r = r ? r : s->measure(s->context, &trial, err);
	if (!r)
		s->trials[s->trial_count++] = trial;
	return r;
}

/* What the device lets through of too much is where it is worth to look. */
static int measure_first(struct search *s, struct err *err)
{
	double load = s->max;
	for (int i = 0; i < 3; i++) {
		int r = measure(s, load, s->goals[0].trial_s, err);
		if (r)
			return r;
		double rate = s->trials[s->trial_count - 1].rate;
		if (rate >= load || rate <= s->min)
			return 0;
		load = rate;
	}
	return 0;
}

static int approach(struct search *s, const struct search_goal *g, struct err *err)
{
	double step = 1, load;
	while ((load = next_load(s, g, &step)) > 0) {
		do {
			int r = measure(s, load, g->trial_s, err);
			if (r)
				return r;
		} while (search_classify(g, s->trials, s->trial_count, load) == SEARCH_UNDECIDED);
	}
	return 0;
}

/* --- results ---------------------------------------------------------------------------------- */

static int by_loss(const void *a, const void *b)
{
	const struct search_trial *x = a, *y = b;
	return (x->loss > y->loss) - (x->loss < y->loss);
}

/* The rate of the trial at which the exceed quantile of the load's loss lies. */
static double conditional_throughput(const struct search *s, const struct search_goal *g,
				     double load)
{
	struct search_trial *of = calloc(s->trial_count + 1, sizeof(*of));
	double all = 0, behind = 0, rate = 0;
	size_t count = 0;
	if (!of)
		return 0;
	for (size_t i = 0; i < s->trial_count; i++) {
		if (!is_same(s->trials[i].load, load) || s->trials[i].seconds < g->trial_s)
			continue;
		of[count++] = s->trials[i];
		all += s->trials[i].seconds;
	}
	qsort(of, count, sizeof(*of), by_loss);
	for (size_t i = count; i-- > 0 && behind <= all * g->exceed;) {
		behind += of[i].seconds;
		rate = load * (1 - of[i].loss);
	}
	free(of);
	return rate;
}

static void note_found(struct search *s)
{
	for (unsigned int i = 0; i < s->goal_count; i++) {
		struct search_found f = find_bounds(s, &s->goals[i]);
		if (f.has_lower)
			f.throughput = conditional_throughput(s, &s->goals[i], f.lower);
		s->found[i] = f;
	}
}

int search_run(struct search *s, struct err *err)
{
	int r = measure_first(s, err);
	for (int stage = 0; stage < STAGES && !r; stage++) {
		for (unsigned int i = 0; i < s->goal_count && !r; i++) {
			struct search_goal g = stage_goal(&s->goals[i], stage);
			r = approach(s, &g, err);
		}
	}
	note_found(s);
	return r;
}

void search_fini(struct search *s)
{
	free(s->trials);
	s->trials = NULL;
	s->trial_count = s->capacity = 0;
}

/* Halvings to come, each of as many trials as it takes when they all agree. */
static double trials_left_of(const struct search *s, const struct search_goal *g)
{
	struct search_found f = find_bounds(s, g);
	double each = floor(g->duration_sum * fmax(g->exceed, 1 - g->exceed) / g->trial_s) + 1;
	double bounds = !f.has_lower + !f.has_upper;
	if (!f.has_lower || !f.has_upper)
		return (bounds + 1) * each;
	double width = relative_width(&f);
	return width <= g->width ? 0 : ceil(log2(width / g->width)) * each;
}

unsigned int search_trials_left(const struct search *s)
{
	double left = 0;
	for (unsigned int i = 0; i < s->goal_count; i++)
		left += trials_left_of(s, &s->goals[i]);
	return left;
}
