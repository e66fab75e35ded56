/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind a struct program, for program.c and program_links.c alone. */
#ifndef WEIR_DATAPATH_PROGRAM_STATE_H
#define WEIR_DATAPATH_PROGRAM_STATE_H

#include <linux/if_link.h>
#include <net/if.h>

#include "bpf/translation.h" /* types that the skeleton names */
#include "bpf/watch.h"
#include "bpf/policy.h"
#include "bpf/weir.skel.h"
#include "datapath/policy_maps.h"
#include "datapath/program.h"

#define LINK_PREFIX "link-"

struct pins;

struct program {
	const struct pins *pins;
	struct policy_meters meters;
	uint32_t *tables; /* of the instance: the word in force, for the next daemon */
	uint32_t count;
	struct weir_bpf *instances[ABI_MAX_PORTS];
	int links[ABI_MAX_PORTS];  /* or gates */
	bool gated[ABI_MAX_PORTS]; /* by a gate in libxdp's dispatcher (datapath/gate.h) */
	uint32_t dispatchers[ABI_MAX_PORTS]; /* in which the gate was seen last */
	char link_names[ABI_MAX_PORTS][sizeof(LINK_PREFIX) + IF_NAMESIZE];
};

/* Whose maps are those of all. */
static inline struct weir_bpf *program_first(const struct program *p)
{
	return p->instances[0];
}

#endif
