// SPDX-License-Identifier: BSD-2-Clause
#include "sim/traffic.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "sim/chance.h"
#include "sim/distribution.h"

static struct sim_flow make_flow(struct chance *c, uint32_t services, double opened_s,
				 double duration_s)
{
	double packets = ceil(distribution_draw(&distribution_sizes, c) / TRAFFIC_BYTES_A_PACKET) +
			 TRAFFIC_PACKETS_LEAST;
	struct sim_flow f = {
		.opened_ns = TRAFFIC_START_NS + (int64_t)(opened_s * 1e9),
		.gap_ns = duration_s * 1e9 / (packets - 1) + 1,
		.synced_ns = UINT64_MAX,
		.client = chance_next(c) >> 32,
		.port = 1024 + chance_below(c, 64512),
		.service = chance_below(c, services),
		.hash = chance_next(c) >> 32,
	};
	f.ends_ns = f.opened_ns + (uint64_t)(duration_s * 1e9) + 2;
	return f;
}

/* Of those that begin in `seconds`: their expected number, and six of its deviations more. */
static uint32_t arrivals_most(uint32_t population, double seconds)
{
	double mean = population * seconds / distribution_mean(&distribution_durations);
	return mean + 6 * sqrt(mean) + 16;
}

int traffic_init(struct traffic *t, uint32_t population, uint32_t services, double seconds,
		 uint64_t seed)
{
	struct chance c = chance_of(seed, 0);
	size_t most = (size_t)population + arrivals_most(population, seconds);
	*t = (struct traffic){
		.flows = malloc(most * sizeof(*t->flows)),
		.population = population,
		.count = population,
	};
	if (!t->flows)
		return -ENOMEM;
	for (uint32_t i = 0; i < population; i++) {
		double duration_s = distribution_draw_met(&distribution_durations, &c);
		double age_s = chance_real(&c) * duration_s;
		t->flows[i] = make_flow(&c, services, -age_s, duration_s);
	}
	return 0;
}

void traffic_fini(struct traffic *t)
{
	free(t->flows);
	*t = (struct traffic){};
}

void traffic_arrive(struct traffic *t, uint32_t services, double seconds, uint64_t seed,
		    uint64_t stream)
{
	struct chance c = chance_of(seed, stream);
	uint32_t most = t->population + arrivals_most(t->population, seconds);
	double mean_s = distribution_mean(&distribution_durations) / t->population;
	t->count = t->population;
	for (double at_s = chance_exponential(&c, mean_s); at_s < seconds && t->count < most;
	     at_s += chance_exponential(&c, mean_s)) {
		double duration_s = distribution_draw(&distribution_durations, &c);
		t->flows[t->count++] = make_flow(&c, services, at_s, duration_s);
	}
}
