// SPDX-License-Identifier: BSD-2-Clause
#include "sim/study.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/snapshot.h"
#include "sim/chance.h"
#include "sim/estate.h"

#define ARRIVALS_AFTER_S 1.0 /* flows begin until then after the last event */
#define TORN             100 /* one backend of so many has failed */
#define TORN_STREAM      1000u
#define ARRIVAL_STREAM   3000u

struct stage {
	struct estate estate;
	struct fleet fleet;
	struct traffic traffic;
	struct snapshot *base;
	struct play *play;
};

bool study_has(const struct study_settings *s, const struct scenario *scenario)
{
	return (scenario->quick || !s->quick) && (!s->word || strstr(scenario->name, s->word));
}

/* --- what is possible --------------------------------------------------------------------------
 */

static int check_size(const struct study_size *s, struct err *err)
{
	if (s->services > s->backends)
		return err_set(err, EINVAL,
			       "%u services can't share %u backends; expected at least one each",
			       s->services, s->backends);
	if ((s->backends + s->services - 1) / s->services > CONFIG_MAX_BACKENDS)
		return err_set(err, EINVAL,
			       "%u backends for each of %u services; expected at most %u",
			       s->backends / s->services, s->services, CONFIG_MAX_BACKENDS);
	return 0;
}

int study_check(const struct study_settings *s, struct err *err)
{
	bool any = false;
	int r = 0;
	for (unsigned int i = 0; i < s->size_count && !r; i++)
		r = check_size(&s->sizes[i], err);
	for (unsigned int i = 0; i < scenario_count && !r; i++) {
		if (!study_has(s, &scenarios[i]))
			continue;
		any = true;
		if (s->skew_s > scenario_least_gap_s(&scenarios[i]))
			r = err_set(err, EINVAL,
				    "--skew %g: \"%s\" has a reload each %g s, and one must have "
				    "reached all balancers before the next",
				    s->skew_s, scenarios[i].name,
				    scenario_least_gap_s(&scenarios[i]));
	}
	if (!r && !any)
		r = err_set(err, EINVAL,
			    "--scenario %s: there is none with that in its name; 'weir-sim --list' "
			    "names them",
			    s->word);
	return r;
}

/* --- what a balancer needs ---------------------------------------------------------------------
 */

static size_t allocated(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int look_torn(struct stage *s, uint64_t seed, struct imbalance *out, struct err *err)
{
	struct chance c = chance_of(seed, TORN_STREAM);
	struct snapshot *torn;
	uint32_t count = s->estate.backend_count / TORN;
	for (uint32_t i = 0; i < (count ? count : 1); i++)
		estate_fail(&s->estate, &c);
	int r = estate_snapshot(&s->estate, s->base, true, TRAFFIC_START_NS, &torn, err);
	estate_restore(&s->estate);
	if (r)
		return r;
	bool looked = imbalance_of(torn, out);
	snapshot_free(torn);
	return looked ? 0 : err_set(err, ENOMEM, "no memory to look at tables");
}

static int look_at_cost(struct stage *s, const struct study_size *size, uint64_t seed,
			struct study_cost *out, struct err *err)
{
	size_t before = allocated();
	double begin_ms = now_ms();
	int r = estate_snapshot(&s->estate, NULL, false, TRAFFIC_START_NS, &s->base, err);
	if (r)
		return r;
	out->build_ms = now_ms() - begin_ms;
	out->snapshot_bytes = allocated() - before;
	out->tables = size->services;
	out->flow_bytes = flow_table_bytes(size->flows / size->balancers);
	out->sync_bytes = flow_table_bytes(size->flows);
	if (!imbalance_of(s->base, &out->even))
		return err_set(err, ENOMEM, "no memory to look at tables");
	return look_torn(s, seed, &out->torn, err);
}

/* --- one size -----------------------------------------------------------------------------------
 */

static double arrivals_s(const struct scenario *s)
{
	return s->events[s->count - 1].at_s + ARRIVALS_AFTER_S;
}

static double longest_s(void)
{
	double longest = 0;
	for (unsigned int i = 0; i < scenario_count; i++)
		longest = arrivals_s(&scenarios[i]) > longest ? arrivals_s(&scenarios[i]) : longest;
	return longest;
}

static void stage_close(struct stage *s)
{
	play_free(s->play);
	snapshot_free(s->base);
	traffic_fini(&s->traffic);
	fleet_fini(&s->fleet);
	estate_close(&s->estate);
}

static int stage_open(struct stage *s, const struct study_settings *settings,
		      const struct study_size *size, struct study_cost *cost, struct err *err)
{
	const struct play_settings play = {
		.balancers = size->balancers,
		.seed = settings->seed,
		.skew_s = settings->skew_s,
		.batch_s = settings->batch_s,
		.observe_s = settings->observe_s,
	};
	*s = (struct stage){};
	int r = estate_open(&s->estate, size->services, size->backends, err);
	r = r ? r : look_at_cost(s, size, settings->seed, cost, err);
	r = r ? r : fleet_init(&s->fleet, size->balancers, size->flows, settings->seed, err);
	if (!r &&
	    traffic_init(&s->traffic, size->flows, size->services, longest_s(), settings->seed))
		r = err_set(err, ENOMEM, "no memory for %u flows", size->flows);
	if (!r) {
		s->play = play_new(&play, &s->estate, &s->fleet, &s->traffic, s->base);
		r = s->play ? 0 : err_set(err, ENOMEM, "no memory for %u flows", size->flows);
	}
	return r;
}

static void tell(const struct study_settings *s, const struct study_size *size,
		 const struct study_run *run, const char *persistence)
{
	if (s->progress)
		fprintf(stderr, "weir-sim: %u x %u: %s router, %s, %s\n", size->balancers,
			size->backends, ecmp_word(run->router), run->scenario->name, persistence);
}

static int play_scenario(struct stage *s, const struct study_settings *settings,
			 const struct study_size *size, struct study_run *run, struct err *err)
{
	int r = 0;
	traffic_arrive(&s->traffic, size->services, arrivals_s(run->scenario), settings->seed,
		       ARRIVAL_STREAM + (run->scenario - scenarios));
	for (int i = 0; i < PERSISTENCES && !r; i++) {
		tell(settings, size, run, persistence_word(i));
		r = play_run(s->play, run->scenario, i, &run->results[i], err);
	}
	return r;
}

static int play_router(struct stage *s, const struct study_settings *settings,
		       enum ecmp_kind router, struct study_result *out, struct err *err)
{
	int r = play_populate(s->play, router, err);
	if (r)
		return r;
	out->cost.balancers[router] = play_balancer_imbalance(s->play);
	out->cost.untracked = play_untracked(s->play);
	for (unsigned int i = 0; i < scenario_count && !r; i++) {
		if (!study_has(settings, &scenarios[i]))
			continue;
		struct study_run *run = &out->runs[out->run_count++];
		*run = (struct study_run){.scenario = &scenarios[i], .router = router};
		r = play_scenario(s, settings, &out->size, run, err);
	}
	return r;
}

int study_size(const struct study_settings *settings, const struct study_size *size,
	       struct study_result *out, struct err *err)
{
	struct stage s;
	*out = (struct study_result){
		.size = *size,
		.runs = calloc(ECMP_KINDS * scenario_count, sizeof(*out->runs)),
	};
	if (!out->runs)
		return err_set(err, ENOMEM, "no memory for results");
	int r = stage_open(&s, settings, size, &out->cost, err);
	for (int router = 0; router < ECMP_KINDS && !r; router++)
		if (settings->routers[router])
			r = play_router(&s, settings, router, out, err);
	stage_close(&s);
	return r;
}

void study_result_fini(struct study_result *r)
{
	free(r->runs);
	*r = (struct study_result){};
}
