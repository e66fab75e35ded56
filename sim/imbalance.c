// SPDX-License-Identifier: BSD-2-Clause
#include "sim/imbalance.h"

#include <stdlib.h>
#include <string.h>

#include "lb/maglev.h"
#include "lb/snapshot.h"

static void look_at(const struct service *s, uint32_t *slots, struct imbalance *out)
{
	memset(slots, 0, s->member_count * sizeof(*slots));
	for (uint32_t slot = 0; slot < s->maglev->size; slot++)
		slots[maglev_pick(s->maglev, s->up, slot)]++;
	double mean = (double)s->maglev->size / s->up_count;
	for (uint32_t i = 0; i < s->member_count; i++) {
		if (!maglev_is_up(s->up, i))
			continue;
		out->most = slots[i] / mean > out->most ? slots[i] / mean : out->most;
		out->least = slots[i] / mean < out->least ? slots[i] / mean : out->least;
	}
}

bool imbalance_of(const struct snapshot *s, struct imbalance *out)
{
	*out = (struct imbalance){.most = 0, .least = 1};
	for (uint32_t i = 0; i < s->service_end; i++) {
		const struct service *service = &s->services[i];
		if (!service->present || !service->maglev || !service->up_count)
			continue;
		uint32_t *slots = malloc(service->member_count * sizeof(*slots));
		if (!slots)
			return false;
		look_at(service, slots, out);
		free(slots);
	}
	return true;
}
