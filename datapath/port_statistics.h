/* SPDX-License-Identifier: BSD-2-Clause */
/* What drivers count by themselves ('ethtool -S'). */
#ifndef WEIR_DATAPATH_PORT_STATISTICS_H
#define WEIR_DATAPATH_PORT_STATISTICS_H

#include <stdint.h>

typedef void port_statistic_fn(void *context, const char *name, uint64_t value);

/* Calls `fn` for each counter of an interface whose name says that it is of losses. */
void port_loss_statistics(const char *interface, port_statistic_fn *fn, void *context);

#endif
