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

#include "datapath/engine_state.h"
#include "datapath/grace.h"
#include "datapath/ledger.h"
#include "datapath/policy_stage.h"
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

void engine_attach_watch(struct engine *e)
{
	if (!e->watch || !watch_attach(e->watch, &e->instance, &e->watch_fault))
		return;
	watch_close(e->watch);
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
	for (uint32_t i = 0; i < e->port_count; i++)
		memcpy(names[i], e->ports[i].name, IF_NAMESIZE);
	instance_renumber_ports(&e->instance, names, e->port_count);
	int r = engine_load_programs(e, err);
	if (r)
		return r;
	engine_open_watch(e);
	engine_attach_watch(e);
	if (!instance_keep_counters(&e->instance, names, e->port_count))
		reset_counters(e);
	return 0;
}

/*
 * virtio_net wants room before a frame for a header of its own, and what the kernel makes of one
 * that XDP got without a copy has none (xdp_convert_zc_to_xdp_frame() of Linux 7.3): it drops what
 * XDP sends of those, and only its statistics tell.
 */
static bool sends_without_copies(const struct engine *e)
{
	for (uint32_t i = 0; i < e->port_count; i++)
		if (e->ports[i].there && !strcmp(e->ports[i].driver, "virtio_net"))
			return false;
	return true;
}

/*
 * In copy mode XDP_TX is several times faster than AF_XDP; zero copy is faster than XDP_TX. There,
 * `auto` leaves flows to the programs only while no daemon runs.
 */
void engine_choose_fast_path(struct engine *e)
{
	bool fit = sends_without_copies(e);
	for (uint32_t i = 0; i < e->port_count; i++) {
		struct port *p = &e->ports[i];
		bool wanted = e->config->fast_path == FAST_PATH_ON;
		p->needs_copies = wanted && p->zerocopy && !fit;
		p->fast_path = (wanted && !p->needs_copies) ||
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

int engine_stage_policy(struct engine *e, struct policy_stage *out, struct err *err)
{
	return program_stage_policy(e->program, out, err);
}

static bool same_targets(const struct snapshot *before, const struct snapshot *s)
{
	return before && target_table_equal(before->targets, s->targets);
}

static bool same_policy(const struct snapshot *before, const struct snapshot *s)
{
	return before && policy_equal(before->policy, s->policy);
}

/* Where the policy's tables are: on `given`, else they are put on `own`. NULL: it is the same. */
static int stage_policy(struct engine *e, const struct snapshot *s, struct policy_stage *own,
			struct policy_stage **given, struct err *err)
{
	bool is_there = *given && (*given)->filled && (*given)->of == s->policy;
	if (same_policy(e->snapshot, s)) {
		*given = NULL;
		return 0;
	}
	if (is_there)
		return 0;
	*given = own;
	int r = engine_stage_policy(e, own, err);
	return r ? r : policy_stage_fill(own, s->policy, err);
}

/* From 1 to 255: a flow's entry has eight bits for it, and 0 means none. */
static uint32_t next_generation(uint32_t generation)
{
	return generation % 255 + 1;
}

/* Workers first: what is steered to them from now on they must know. */
static int publish_staged(struct engine *e, struct snapshot *s, struct policy_stage *policy,
			  struct err *err)
{
	struct target_maps targets;
	uint32_t generation = e->policy_generation;
	bool same = same_targets(e->snapshot, s);
	int r = same ? 0 : target_maps_open(&targets, s->targets, err);
	if (r)
		return r;
	if (policy)
		generation = next_generation(generation);
	grace_publish(&e->shared.snapshot, s);
	r = program_commit(e->program, same ? NULL : &targets, policy, s->policy ? generation : 0,
			   err);
	if (r) {
		grace_publish(&e->shared.snapshot, e->snapshot);
		return r;
	}
	e->policy_generation = generation;
	e->instance.flows.policy_generation = s->policy ? generation : 0;
	return 0;
}

static int publish_tables(struct engine *e, struct snapshot *s, struct policy_stage *policy,
			  struct err *err)
{
	struct policy_stage own = {};
	int r = stage_policy(e, s, &own, &policy, err);
	r = r ? r : publish_staged(e, s, policy, err);
	policy_stage_close(&own);
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

int engine_publish(struct engine *e, struct snapshot *s, struct policy_stage *policy,
		   struct err *err)
{
	struct snapshot *before = e->snapshot;
	int r = engine_take_over(e, s, err);
	r = r ? r : count_connections(e, s, err);
	if (r) {
		grace_publish(&e->shared.snapshot, before);
		grace_wait();
		return r;
	}
	if (!before || before->generation != s->generation)
		instance_save_names(&e->instance, &e->names);
	if (same_targets(before, s) && same_policy(before, s))
		grace_publish(&e->shared.snapshot, s);
	else
		r = publish_tables(e, s, policy, err);
	grace_wait();
	if (r)
		return r;
	program_set_echo_limit(e->program, s->echo_limit);
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
