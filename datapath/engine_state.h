/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind a struct engine, for engine.c and ledger.c alone. */
#ifndef WEIR_DATAPATH_ENGINE_STATE_H
#define WEIR_DATAPATH_ENGINE_STATE_H

#include "datapath/engine.h"
#include "datapath/instance.h"
#include "datapath/policy_maps.h"

struct program;
struct tap_rings;

struct engine {
	struct worker_shared shared;
	const struct config *config; /* of engine_open(), valid during that call */
	uint32_t port_count;
	struct port ports[ABI_MAX_PORTS];
	uint32_t worker_count;
	struct worker *workers;
	struct program *program;
	struct snapshot *snapshot;
	int32_t *connections;           /* by backend id, for the flow table; NULL: not counted */
	struct policy_maps policy_maps; /* of its policy */
	uint32_t policy_generation;     /* of the last policy there was */
	struct instance instance;
	uint32_t captures_armed;     /* slots in use */
	struct tap_rings *rings;     /* NULL: none is */
	struct instance_names names; /* the caller's registries */
	uint64_t sweep_position;
	struct flow_sweep sweep, last_sweep; /* under way, and the last whole one */
};

#endif
