/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that shares flows with other nodes (lb/sync.h), by a group of corosync. Nobody waits
 * for it: workers write into rings, and the control thread hands over what is new and looks at a
 * copy of what it says of itself. While there is no corosync it tries again every second.
 *
 * All calls are the control thread's.
 */
#ifndef WEIR_TOOLS_SYNCER_H
#define WEIR_TOOLS_SYNCER_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/sync.h"

struct config;
struct engine;
struct err;
struct sync_names;
struct syncer;

struct syncer_status {
	bool joined;
	char fault[128]; /* why not */
	uint32_t count;  /* of members, this node among them */
	struct sync_node_status nodes[SYNC_NODES_MAX];
	struct sync_counters counters;
	uint64_t lost;  /* that workers found no room to note down */
	uint64_t joins; /* times that it has joined */
};

/* The engine must have been opened with the same configuration, and be closed later. */
int syncer_open(struct syncer **out, struct engine *engine, const struct config *config,
		struct err *err);
void syncer_close(struct syncer *s); /* NULL too */

/* The ports' interfaces are these now, by port index; 0: it is gone. NULL: nobody asks. */
void syncer_set_ports(struct syncer *s, const int *ifindexes, uint32_t count);

/* Which backends there are from now on. Takes `names` over. */
void syncer_use(struct syncer *s, struct sync_names *names);

void syncer_status(struct syncer *s, struct syncer_status *out);

/* Logs what has changed since the last time: to be called now and then. NULL: nothing. */
void syncer_log(struct syncer *s);

#endif
