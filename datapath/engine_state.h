/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind a struct engine, for engine*.c, taps.c and ledger.c alone. */
#ifndef WEIR_DATAPATH_ENGINE_STATE_H
#define WEIR_DATAPATH_ENGINE_STATE_H

#include "datapath/engine.h"
#include "datapath/handover.h"
#include "datapath/instance.h"
#include "lb/err.h"
#include "datapath/program.h"

struct program;
struct tap_rings;
struct watch;

struct engine {
	struct worker_shared shared;
	const struct config *config; /* of engine_open() or engine_follow(), during that call */
	uint32_t port_count;
	struct port ports[ABI_MAX_PORTS];
	bool multi_buffer; /* some MTU is more than a frame holds; settled when it is opened */
	uint32_t worker_count, workers_seen; /* now, and the most there were */
	struct worker *workers;
	/* By worker, of those that do not run; what they saw may still be wanted. */
	struct worker_tap taps[ABI_MAX_QUEUES];
	struct program *program;
	struct watch *watch;    /* NULL: the kernel does not let us, see watch_fault */
	struct err watch_fault; /* why not */
	struct snapshot *snapshot;
	struct flow_ring *flow_rings[ABI_MAX_QUEUES]; /* by worker */
	int32_t *connections;       /* by backend id, for the flow table; NULL: not counted */
	uint32_t policy_generation; /* of the last policy there was */
	struct instance instance;
	uint32_t captures_armed;            /* slots in use */
	struct tap_rings *rings[TAP_RINGS]; /* by kind; NULL: nobody captures what goes there */
	struct instance_names names;        /* the caller's registries */
	struct memory fragments;            /* shared.fragments are in it */
	struct handover *handed; /* the workers are another's until it is taken; or NULL */
	handover_fn *take;
	void *take_context;
	bool pin_interrupts;
	int pin_wait; /* ticks until it is looked where they go */
	uint64_t sweep_position;
	struct flow_sweep sweep, last_sweep; /* under way, and the last whole one */
};

/* --- engine.c --------------------------------------------------------------------------------- */

/* Empty, to be given to engine_close() or _leave(). NULL without memory. */
struct engine *engine_new(const struct config *config, const struct instance_names *names);

/* Loads the XDP programs, which are attached to nothing; says what they miss. */
int engine_load_programs(struct engine *e, struct err *err);

/* The programs that see what becomes of packets behind those: loaded, then in force. */
void engine_open_watch(struct engine *e);
void engine_attach_watch(struct engine *e);

/* Of the policy that the XDP programs have in force; 0: none was ever. */
uint32_t engine_generation(const struct engine *e);

/* --- engine_handover.c ------------------------------------------------------------------------ */

/* Takes the workers over, to decide by `s`, if they are still another's. */
int engine_take_over(struct engine *e, struct snapshot *s, struct err *err);

/* --- engine_workers.c: in this order ---------------------------------------------------------- */

/* -EINVAL: the configuration names CPUs that are not there. */
int engine_check_cpus(const struct config_numbers *wanted, struct err *err);

/*
 * Opens workers and sockets for the ports that are there, in the best mode that all of them can;
 * tries so often while the kernel has not given back queues. No port there: no worker.
 */
int engine_open_workers(struct engine *e, unsigned int tries, struct err *err);
int engine_start_workers(struct engine *e, struct err *err);

/* Lets them finish what they have in hand, and closes them and their sockets. */
void engine_stop_workers(struct engine *e);
void engine_close_workers(struct engine *e); /* those that were never started */

/* By the mode that the sockets are in. */
void engine_choose_fast_path(struct engine *e);

/* What the XDP programs are loaded for; while there is a configuration. */
struct program_input engine_program_input(const struct engine *e);

/* --- engine_links.c -----------------------------------------------------------------------------
 */

/* What the configuration says of a port; NULL: nothing. */
const struct config_interface *engine_interface(const struct engine *e, uint32_t index);

/*
 * Goes by what the interfaces are and what e->config says of them. Makes the sockets anew where
 * that is needed, or anyway. The first error is told; the rest is done.
 */
int engine_follow_all(struct engine *e, bool anyway, struct err *err);

/* Calls `fn` for the ports that are not as they were. */
void engine_tell(const struct engine *e, const struct port before[ABI_MAX_PORTS],
		 engine_change_fn *fn, void *context);

/* --- engine_busy.c ---------------------------------------------------------------------------- */

/* Where workers poll all the time and can drive the queues; to be called again now and then. */
void engine_put_off_interrupts(struct engine *e);

/* Gives back what was set, by a daemon that crashed too. */
void engine_let_interrupts(struct engine *e);

/* --- engine_interrupts.c ------------------------------------------------------------------------
 */

/* As the configuration says, when the workers are there; and to be called with each tick. */
void engine_choose_pinning(struct engine *e);
void engine_pin_interrupts(struct engine *e);

/* Where it tells other nodes, each worker gets a ring, and keeps it as long as the engine is open.
 */
int engine_make_rings(struct engine *e);

/* Memory for e->worker_count of them, zeroed, and their rings. */
int engine_make_workers(struct engine *e, struct err *err);
void engine_free_rings(struct engine *e);

/* Has the XDP programs use the translations that the instance has, or none. */
int engine_put_translations(struct engine *e, struct err *err);

#endif
