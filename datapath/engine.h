/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The datapath as the control thread sees it: ports, XDP programs, packet memory, workers and the
 * flow table behind one handle. All calls are the control thread's.
 */
#ifndef WEIR_DATAPATH_ENGINE_H
#define WEIR_DATAPATH_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/memory.h"
#include "datapath/port.h"
#include "datapath/worker.h"
#include "lb/process.h"

struct engine;
struct err;
struct flow_ring;
struct instance_names;
struct meter_bucket;
struct policy_stage;
struct registry;
struct snapshot;

/*
 * Opens ports, attaches the XDP programs, binds the sockets and starts the workers; takes over what
 * an earlier daemon of the instance left. The registries must be new: they get the names it knew,
 * and must stay until the engine is closed. Nothing is steered to the workers before the first
 * engine_publish(). On failure everything is as it was.
 */
int engine_open(struct engine **out, const struct config *config,
		const struct instance_names *names, struct err *err);

/* Whether flows were taken over; if not, *replaced says why in words, or is NULL: none were there.
 */
bool engine_inherited(const struct engine *e, const char **replaced);

/* Why losses behind the XDP program are not seen, in words; NULL: they are. */
const char *engine_watch_fault(const struct engine *e);

/* What engine_follow() found. `after` is the port as it is now; its ifindex is 0 while it is gone.
 */
struct engine_change {
	struct port before, after;
	bool rebuilt; /* it has new sockets */
};
typedef void engine_change_fn(void *context, const struct engine_change *change);

/*
 * Looks what has become of the interfaces, and goes by that: one that is gone is not served any
 * more, one that is back is again, queues that are new get sockets, and the programs know the MTU
 * and link address there are now. `fn` is called for each port that is not as it was, when all that
 * is done; after it a snapshot has to be published. Where sockets have to be made anew all workers
 * pause for some milliseconds: what comes in meanwhile meets what it would without a daemon, and
 * what they had in hand and could not finish is dropped as daemon-lost. Where that fails the error
 * says why, and they pause until this is called again: do so while engine_is_whole() is false.
 * `config` is that of engine_open(), as far as it is about interfaces, workers and memory.
 */
int engine_follow(struct engine *e, const struct config *config, engine_change_fn *fn,
		  void *context, struct err *err);

/* The longest IP packets that its sockets take, in bytes; settled when it is opened. */
uint32_t engine_longest_mtu(const struct engine *e);

/*
 * Tells a configuration by which numbers the engine knows its interfaces, or will if it comes into
 * force (config_port()): those that were there keep theirs, wherever it names them.
 */
void engine_number_ports(const struct engine *e, struct config *config);

/*
 * Makes interfaces, workers, packet memory, fast path and insert limit those of `config`, in the
 * place of those of `was`. Workers pause as with engine_follow() where sockets have to be made
 * anew. `fn` and the snapshot as there. On failure all is as it was, but for that pause; or, if
 * even that can't be had back, engine_is_whole() is false.
 */
int engine_reconfigure(struct engine *e, const struct config *was, const struct config *config,
		       engine_change_fn *fn, void *context, struct err *err);

/* Whether all ports are there and have their sockets. */
bool engine_is_whole(const struct engine *e);

/* Stops the workers, detaches and gives back everything. NULL too. */
void engine_close(struct engine *e);

/* Stops the workers and leaves the kernel's part in force: established flows go on. NULL too. */
void engine_leave(struct engine *e);

/* Makes room for what `nat` remembers of its connections. To be called before it is published. */
int engine_use_nat(struct engine *e, struct err *err);

/* Where a policy that is not in force yet goes. One at a time. -EMFILE. */
int engine_stage_policy(struct engine *e, struct policy_stage *out, struct err *err);

/*
 * Makes workers and XDP programs decide by `s` from now on. Takes `s` over on success; frees the
 * snapshot before it once no worker can hold it. On failure everything stays as it was. The tables
 * of its policy are on the stage `policy`, or put into the kernel here, which may take long.
 */
int engine_publish(struct engine *e, struct snapshot *s, struct policy_stage *policy,
		   struct err *err);

/* The snapshot in force, or NULL before the first. Valid until the next engine_publish(). */
const struct snapshot *engine_snapshot(const struct engine *e);

uint32_t engine_port_count(const struct engine *e);
const struct port *engine_port(const struct engine *e, uint32_t index);

/* The XDP program's counters of a port, summed over CPUs. */
int engine_port_counters(const struct engine *e, uint32_t index, struct port_counters *out);

/* What the fast path sent to `count` backends from id `first` on, summed over CPUs. */
int engine_fast_traffic(const struct engine *e, uint32_t first, uint32_t count,
			struct fast_traffic *out);

/* The kernel's counters of the socket on a port's queue (index into port->queues). */
int engine_socket_counters(const struct engine *e, uint32_t port, uint32_t queue,
			   struct socket_counters *out);

struct engine_worker {
	int cpu; /* -1: it does not run, as fewer queues are there than before */
	int tid;
	enum memory_kind memory;
	int node; /* NUMA node of that; -1: any */
	struct worker_counters counters;
	struct worker_frames frames;
	const struct lb_counters *lb; /* live: read fields one at a time */
	uint64_t tap_lost;            /* records of captures */
	uint32_t held;                /* fragments that wait for their first */
};

/* As many as there ever were: their counters stay. */
uint32_t engine_worker_count(const struct engine *e);
void engine_worker(const struct engine *e, uint32_t index, struct engine_worker *out);

/* The `lb` of that alone, for who asks often. */
const struct lb_counters *engine_worker_counters(const struct engine *e, uint32_t index);

/* Drops by reason, of all places: XDP programs, kernel sockets, workers. */
struct engine_drops {
	uint64_t xdp[ABI_REASON_SLOTS];
	uint64_t kernel[ABI_REASON_SLOTS]; /* in front of sockets, and with daemons that were killed
					    */
	uint64_t worker[ABI_REASON_SLOTS];
	uint64_t bytes[ABI_REASON_SLOTS]; /* of all these packets of which the length is known */
	uint64_t not_steered; /* the kernel could not hand them to a socket, nor says why */
};
void engine_drops(const struct engine *e, struct engine_drops *out);

/*
 * The ledger of everything that came in since the counters began: with this daemon, or with one
 * that it took over from. It holds that
 *   rx == transmitted + passed + sum of drops + held
 * where `held` is what is in a ring or a worker right now.
 */
struct engine_ledger {
	uint64_t rx, transmitted, passed, dropped;
	int64_t held;
};
void engine_ledger(const struct engine *e, struct engine_ledger *out);

/* Flows in the table by state, as of the last sweep that was finished. */
void engine_flows(const struct engine *e, uint64_t entries[FLOW_STATES]);

/* Of them, the connections that are translated. */
uint64_t engine_translated_flows(const struct engine *e);

/* What a rule of the policy decided about, and what it counts anew for one that is gone. */
int engine_rule_traffic(const struct engine *e, uint32_t rule, struct rule_traffic *out);
void engine_reset_rule(struct engine *e, uint32_t rule);

/*
 * The token buckets of the policy's limits, to be looked at while the XDP programs take from them;
 * `mask` is of how many there are. NULL: there are none.
 */
const struct meter_bucket *engine_open_meters(const struct engine *e, uint64_t *mask);
void engine_close_meters(const struct meter_bucket *meters, uint64_t mask);

/* What the fast path sent to backends of a service that are no longer there. */
void engine_retired_traffic(const struct engine *e, uint32_t service, struct fast_traffic *out);

/* The table itself, to be read by flow_table_read(). */
const struct flow_table *engine_flow_table(const struct engine *e);

/*
 * With `sync`: what a worker has noted down for other nodes (NULL: there is no such worker yet),
 * for one thread to take, and the table, to write into what they tell. Any thread, until the engine
 * is closed.
 */
struct flow_ring *engine_flow_ring(struct engine *e, uint32_t worker);
struct flow_table *engine_shared_flows(struct engine *e);

/* One turn of housekeeping: sweeps a bounded part of the flow table. To be called every 100 ms. */
void engine_tick(struct engine *e, uint64_t now_ns);

#endif
