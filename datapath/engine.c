// SPDX-License-Identifier: BSD-2-Clause
/*
 * Puts ports, programs, memory and workers together, and takes them apart again in the order that
 * loses nothing: steer nothing, let the workers finish, close the sockets, detach, free the memory.
 *
 * long file: one handle over everything; each part of it has a file of its own.
 *
 * Control thread only. Workers see `shared` and what it points to.
 */
#include "datapath/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "datapath/engine_state.h"
#include "datapath/ledger.h"
#include "datapath/program.h"
#include "datapath/release.h"
#include "datapath/taps.h"
#include "datapath/target_maps.h"
#include "datapath/watch.h"
#include "lb/err.h"
#include "lb/fragments.h"
#include "lb/policy.h"
#include "lb/snapshot.h"
#include "lb/target_table.h"

#define BIND_TRIES    100      /* to get queues that were another socket's a moment ago */
#define DRAIN_WAIT_NS 20000000 /* for packets in the rings when nothing is steered to them */

/* --- opening -------------------------------------------------------------------------------- */

static int open_ports(struct engine *e, struct err *err)
{
	for (uint32_t i = 0; i < e->config->interface_count; i++) {
		int r = port_open(&e->ports[i], &e->config->interfaces[i], err);
		if (r)
			return r;
		e->multi_buffer |= e->ports[i].mtu > PORT_FRAME_MTU;
		e->port_count++;
	}
	return 0;
}

static int open_fragments(struct engine *e, struct err *err)
{
	int r = memory_open_small(&e->fragments, fragments_size(), err);
	if (!r)
		e->shared.fragments = fragments_init(e->fragments.base, &e->instance.header->seed);
	return r;
}

static int attach_programs(struct engine *e, struct err *err)
{
	program_detach_others(e->program);
	for (uint32_t i = 0; i < e->port_count; i++) {
		int r = program_attach(e->program, i, &e->ports[i], err);
		if (!r)
			r = port_count_queues(&e->ports[i], &e->config->interfaces[i], err);
		if (r)
			return r;
	}
	return 0;
}

/* --- opening and closing -------------------------------------------------------------------- */

/*
 * With `remove` nothing stays in the kernel: then nothing is steered to the workers any more, which
 * are given the time to finish, and the programs are detached from queues that no socket holds.
 * Without, the kernel goes on alone.
 */
static void close_engine(struct engine *e, bool remove)
{
	bool detach = remove && e->program;
	if (detach) {
		program_clear_sockets(e->program);
		nanosleep(&(struct timespec){.tv_nsec = DRAIN_WAIT_NS}, NULL);
	}
	engine_stop_workers(e);
	for (uint32_t i = 0; detach && i < e->port_count; i++)
		release_await(&e->ports[i]);
	if (detach)
		program_detach(e->program);
	taps_close(e);
	for (uint32_t i = 0; i < ABI_MAX_QUEUES; i++)
		worker_tap_fini(&e->taps[i]);
	if (e->shared.wake >= 0)
		close(e->shared.wake);
	memory_close(&e->fragments);
	watch_close(e->watch);
	policy_maps_close(&e->policy_maps);
	program_close(e->program);
	instance_close(&e->instance, remove);
	snapshot_free(e->snapshot);
	free(e->connections);
	engine_free_rings(e);
	free(e);
}

/* Without it some losses behind the XDP program are not seen, which is no reason to stop. */
void engine_open_watch(struct engine *e)
{
	struct watch_maps maps;
	program_watch_maps(e->program, &maps);
	if (watch_open(&e->watch, &e->instance, e->ports, e->port_count, &maps, &e->watch_fault))
		e->watch = NULL;
}

const char *engine_watch_fault(const struct engine *e)
{
	return e->watch ? NULL : e->watch_fault.text;
}

static void reset_counters(struct engine *e)
{
	program_reset_counters(e->program);
	watch_reset(e->watch);
}

struct program_input engine_program_input(const struct engine *e)
{
	return (struct program_input){
		.instance = &e->instance,
		.ports = e->ports,
		.port_count = e->port_count,
		.multi_buffer = e->multi_buffer,
		.drop_without_daemon = e->config->on_daemon_loss == DAEMON_LOSS_DROP,
		.taps = e->config->captures,
	};
}

int engine_load_programs(struct engine *e, struct err *err)
{
	const struct program_input input = engine_program_input(e);
	int r = program_open(&e->program, &input, err);
	if (!r)
		r = program_set_translations(
			e->program,
			e->instance.flows.translations ? e->instance.translation_array.fd : -1,
			err);
	/* Until sockets say more, established flows go on as they did without a daemon. */
	for (uint32_t i = 0; i < e->port_count && !r; i++)
		program_set_fast_path(e->program, i,
				      e->config->fast_path == FAST_PATH_OFF ? FAST_PATH_NEVER
									    : FAST_PATH_ALWAYS);
	return r;
}

static int open_program(struct engine *e, struct err *err)
{
	char names[ABI_MAX_PORTS][IF_NAMESIZE] = {};
	int r = engine_load_programs(e, err);
	if (r)
		return r;
	for (uint32_t i = 0; i < e->port_count; i++)
		memcpy(names[i], e->ports[i].name, IF_NAMESIZE);
	engine_open_watch(e);
	if (!instance_keep_counters(&e->instance, names, e->port_count))
		reset_counters(e);
	return 0;
}

/*
 * In copy mode XDP_TX is several times faster than AF_XDP; zero copy is faster than XDP_TX. There,
 * `auto` leaves flows to the programs only while no daemon runs.
 */
void engine_choose_fast_path(struct engine *e)
{
	for (uint32_t i = 0; i < e->port_count; i++) {
		struct port *p = &e->ports[i];
		p->fast_path = e->config->fast_path == FAST_PATH_ON ||
			       (e->config->fast_path == FAST_PATH_AUTO && !p->zerocopy);
		enum fast_path when = p->fast_path ? FAST_PATH_ALWAYS : FAST_PATH_ALONE;
		if (e->config->fast_path == FAST_PATH_OFF)
			when = FAST_PATH_NEVER;
		program_set_fast_path(e->program, i, when);
	}
}

struct engine *engine_new(const struct config *config, const struct instance_names *names)
{
	struct engine *e = aligned_alloc(64, (sizeof(*e) + 63) & ~63ul);
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->config = config;
	e->names = *names;
	e->policy_maps = POLICY_MAPS_NONE;
	e->shared.flow_rings = config->sync.group ? e->flow_rings : NULL;
	/* Without it workers see a moment later that they shall stop. */
	e->shared.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return e;
}

uint32_t engine_generation(const struct engine *e)
{
	return e->instance.header->tables >> TABLES_GENERATION & 0xff;
}

int engine_open(struct engine **out, const struct config *config,
		const struct instance_names *names, struct err *err)
{
	struct engine *e = engine_new(config, names);
	if (!e)
		return err_set(err, ENOMEM, "not enough memory");
	int r = engine_check_cpus(&config->cpus, err);
	r = r ? r : open_ports(e, err);
	r = r ? r : instance_open(&e->instance, config, err);
	r = r ? r : instance_load_names(&e->instance, names, err);
	if (!r)
		e->policy_generation = engine_generation(e);
	r = r ? r : open_fragments(e, err);
	e->shared.captures = e->instance.captures;
	r = r ? r : open_program(e, err);
	if (!r)
		ledger_settle(e);
	/* Without targets the programs pass everything: attaching first shows what XDP can do. */
	r = r ? r : attach_programs(e, err);
	r = r ? r : engine_open_workers(e, BIND_TRIES, err);
	if (!r)
		ledger_fold(e);
	r = r ? r : engine_start_workers(e, err);
	if (r) {
		/* What was taken over stays as it was; what is new goes. */
		close_engine(e, !e->instance.inherited);
		return r;
	}
	engine_choose_fast_path(e);
	e->config = NULL;
	*out = e;
	return 0;
}

void engine_close(struct engine *e)
{
	if (e)
		close_engine(e, true);
}

void engine_leave(struct engine *e)
{
	if (e)
		close_engine(e, false);
}

/* --- publishing ----------------------------------------------------------------------------- */

/* The policy's tables as maps: those in force, if it is the same policy. */
static int open_policy(struct engine *e, const struct snapshot *s, struct policy_maps *out,
		       struct err *err)
{
	if (e->snapshot && policy_equal(e->snapshot->policy, s->policy)) {
		*out = e->policy_maps;
		return 0;
	}
	int r = s->policy ? program_make_meters(e->program, s->policy->head->meter_mask, err) : 0;
	return r ? r : policy_maps_open(out, s->policy, err);
}

/* From 1 to 255: a flow's entry has eight bits for it, and 0 means none. */
static uint32_t next_generation(uint32_t generation)
{
	return generation % 255 + 1;
}

/* Workers first: what is steered to them from now on they must know. */
static int publish_tables(struct engine *e, struct snapshot *s, struct err *err)
{
	struct target_maps targets;
	struct policy_maps policy;
	uint32_t generation = e->policy_generation;
	int r = open_policy(e, s, &policy, err);
	if (r)
		return r;
	bool is_new = policy.policy != e->policy_maps.policy;
	if (is_new)
		generation = next_generation(generation);
	r = target_maps_open(&targets, s->targets, err);
	if (!r) {
		rcu_assign_pointer(e->shared.snapshot, s);
		r = program_commit(e->program, &targets, &policy, s->policy ? generation : 0, err);
		if (r)
			rcu_assign_pointer(e->shared.snapshot, e->snapshot);
	}
	if (is_new)
		policy_maps_close(r ? &policy : &e->policy_maps);
	if (!r) {
		program_set_echo_limit(e->program, s->echo_limit);
		e->policy_maps = policy;
		e->policy_generation = generation;
		e->instance.flows.policy_generation = s->policy ? generation : 0;
	}
	return r;
}

/* Costs each new flow a little, so only where some service needs it. */
static int count_connections(struct engine *e, const struct snapshot *s, struct err *err)
{
	if (!s->counts || e->instance.flows.connections)
		return 0;
	e->connections = calloc(ABI_MAX_BACKENDS, sizeof(*e->connections));
	if (!e->connections)
		return err_set(err, ENOMEM, "not enough memory to count connections");
	flow_table_count(&e->instance.flows, e->connections);
	return 0;
}

static bool same_tables(const struct snapshot *a, const struct snapshot *b)
{
	return target_table_equal(a->targets, b->targets) && policy_equal(a->policy, b->policy);
}

int engine_publish(struct engine *e, struct snapshot *s, struct err *err)
{
	struct snapshot *before = e->snapshot;
	int r = engine_take_over(e, s, err);
	r = r ? r : count_connections(e, s, err);
	if (r) {
		rcu_assign_pointer(e->shared.snapshot, before);
		urcu_qsbr_synchronize_rcu();
		return r;
	}
	if (!before || before->generation != s->generation)
		instance_save_names(&e->instance, &e->names);
	if (before && same_tables(before, s))
		rcu_assign_pointer(e->shared.snapshot, s);
	else
		r = publish_tables(e, s, err);
	urcu_qsbr_synchronize_rcu();
	if (r)
		return r;
	instance_publish(&e->instance, s);
	if (before)
		ledger_retire(e, before, s);
	e->snapshot = s;
	snapshot_free(before);
	return 0;
}

bool engine_inherited(const struct engine *e, const char **replaced)
{
	*replaced = e->instance.replaced;
	return e->instance.inherited;
}

const struct snapshot *engine_snapshot(const struct engine *e)
{
	return e->snapshot;
}

/* --- looking
 * ---------------------------------------------------------------------------------------- */

uint32_t engine_port_count(const struct engine *e)
{
	return e->port_count;
}

const struct port *engine_port(const struct engine *e, uint32_t index)
{
	return &e->ports[index];
}

uint32_t engine_worker_count(const struct engine *e)
{
	return e->workers_seen;
}
