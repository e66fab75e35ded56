/* SPDX-License-Identifier: BSD-2-Clause */
/* How evenly a snapshot's Maglev tables share new flows out: what the slots say, without chance. */
#ifndef WEIR_SIM_IMBALANCE_H
#define WEIR_SIM_IMBALANCE_H

#include <stdbool.h>

struct snapshot;

struct imbalance {
	double most, least; /* of a backend's share, over the mean of its service's that serve */
};

/* Over all services. False without memory. */
bool imbalance_of(const struct snapshot *s, struct imbalance *out);

#endif
