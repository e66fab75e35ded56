/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts of the host as a whole, for `weir doctor`. */
#ifndef WEIR_TOOLS_HOST_FACTS_H
#define WEIR_TOOLS_HOST_FACTS_H

#include "tools/weir/facts.h"

/* What can't be found out stays unknown. */
void host_facts_look(struct host_facts *h);

/* A number of a setting below /proc/sys, of the caller's network namespace; `missing` if it can't
 * be read. */
long host_setting(const char *path, long missing);

#endif
