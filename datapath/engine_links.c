// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interfaces that change while the engine runs. Level-triggered: whatever happened, what counts is
 * what is there now and what the sockets were made for.
 *
 * All sockets of a worker share its packet memory, so they are made anew together: the programs
 * stop steering, the workers finish, everything is closed and opened again. While that lasts the
 * kernel's part does what it does without a daemon. Control thread only.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "datapath/deferral.h"
#include "datapath/engine_state.h"
#include "datapath/ledger.h"
#include "datapath/program.h"
#include "datapath/release.h"
#include "datapath/watch.h"
#include "lb/err.h"

#define BIND_TRIES    10 /* as in engine.c, but the control loop waits for it */
#define PATIENCE_MAX  63
#define DRAIN_WAIT_NS 2000000 /* for what was steered before, to get through the workers */

/* What is to be done about a port. */
enum news { SAME, GONE, REMODED, BACK, REQUEUED, SETTINGS };

const struct config_interface *engine_interface(const struct engine *e, uint32_t index)
{
	for (unsigned int i = 0; i < e->config->interface_count; i++)
		if (!strcmp(e->config->interfaces[i].name, e->ports[index].name))
			return &e->config->interfaces[i];
	return NULL;
}

static bool has_queues(const struct port *p, const struct config_numbers *wanted)
{
	for (unsigned int i = 0; i < wanted->count; i++)
		if (wanted->values[i] >= p->rx_queues)
			return false;
	return true;
}

/* Whether they are those that the configuration wants. */
static bool serves_queues(const struct port *p, const struct config_numbers *wanted)
{
	if (!wanted->count)
		return p->queue_count == p->rx_queues;
	return p->queue_count == wanted->count &&
	       !memcmp(p->queues, wanted->values, wanted->count * sizeof(p->queues[0]));
}

/* The link tells whether the interface was away, even if one of its name and number is back. */
static bool is_lost(const struct engine *e, uint32_t index, const struct port *now)
{
	const struct port *p = &e->ports[index];
	return !now->there || now->ifindex != p->ifindex ||
	       !program_is_attached(e->program, index, now->ifindex);
}

static enum news compare(const struct engine *e, uint32_t index, const struct port *now,
			 const struct config_interface *config)
{
	const struct port *p = &e->ports[index];
	if (!p->there)
		return now->there && now->up && has_queues(now, &config->queues) ? BACK : SAME;
	if (is_lost(e, index, now))
		return GONE;
	if (now->wanted != p->wanted || now->attach != p->attach || now->priority != p->priority)
		return REMODED;
	if (now->rx_queues != p->rx_queues || !serves_queues(p, &config->queues))
		return REQUEUED;
	return now->mtu != p->mtu || now->up != p->up || memcmp(now->mac, p->mac, ETH_ALEN)
		       ? SETTINGS
		       : SAME;
}

static void stop(struct engine *e)
{
	if (!e->workers)
		return;
	program_clear_sockets(e->program);
	nanosleep(&(struct timespec){.tv_nsec = DRAIN_WAIT_NS}, NULL);
	engine_stop_workers(e);
	ledger_settle(e);
}

/* --- ports ------------------------------------------------------------------------------------ */

static void let_go(struct engine *e, uint32_t index)
{
	struct port *p = &e->ports[index];
	program_let_go(e->program, index);
	p->there = p->up = p->zerocopy = p->fast_path = false;
	p->ifindex = 0;
	p->queue_count = p->rx_queues = 0;
	e->instance.deferrals[index] = (struct deferral){}; /* its settings went with it */
	program_set_port(e->program, index, p, NULL);
	watch_set_port(e->watch, index, 0);
}

/* One that is there still: no socket may hold its queues when its program is detached. */
static void give_up(struct engine *e, uint32_t index)
{
	stop(e);
	release_await(&e->ports[index]);
	let_go(e, index);
}

static int take_back(struct engine *e, uint32_t index, struct port *now, struct err *err)
{
	struct port *p = &e->ports[index];
	int r = program_attach(e->program, index, now, err);
	if (!r)
		r = port_count_queues(now, engine_interface(e, index), err);
	if (!r)
		r = program_set_port(e->program, index, now, err);
	if (r) {
		program_let_go(e->program, index);
		return r;
	}
	now->losses = p->losses;
	now->rebuilds = p->rebuilds;
	now->patience = p->patience;
	*p = *now;
	watch_set_port(e->watch, index, p->ifindex);
	return 0;
}

static int take_settings(struct engine *e, uint32_t index, const struct port *now, struct err *err)
{
	struct port *p = &e->ports[index];
	p->up = now->up;
	p->mtu = now->mtu;
	memcpy(p->mac, now->mac, ETH_ALEN);
	return program_set_port(e->program, index, p, err);
}

/*
 * A veth leaves queues that are new without the program (veth_set_channels() of Linux 6.18), and a
 * link that is updated by the same one changes nothing. Other drivers would reset the NIC for it.
 */
static int take_queues(struct engine *e, uint32_t index, const struct port *now, struct err *err)
{
	struct port *p = &e->ports[index];
	int r = 0;
	if (!strcmp(p->driver, "veth")) {
		program_let_go(e->program, index);
		r = program_attach(e->program, index, p, err);
	}
	r = r ? r : port_count_queues(p, engine_interface(e, index), err);
	return r ? r : take_settings(e, index, now, err);
}

/* Leaves in *rebuild whether sockets have to be made anew. */
static int follow_port(struct engine *e, uint32_t index, bool *rebuild, struct err *err)
{
	const struct config_interface *config = engine_interface(e, index);
	struct port now, *p = &e->ports[index];
	if (!config) {
		*rebuild |= e->ports[index].there;
		if (e->ports[index].there)
			give_up(e, index);
		e->ports[index].removed = true;
		return 0;
	}
	if (!p->there && p->wait) {
		p->wait--;
		return 0;
	}
	int r = port_look(&now, config, err);
	if (r && r != -ENODEV && r != -EINVAL)
		return r;
	enum news news = compare(e, index, &now, config);
	if (news == GONE || news == REMODED) {
		(news == GONE ? let_go : give_up)(e, index);
		e->ports[index].losses += news == GONE;
		*rebuild = true;
		news = compare(e, index, &now, config); /* it may be back already */
	}
	switch (news) {
	case BACK:
		r = take_back(e, index, &now, err);
		*rebuild |= !r;
		return r;
	case REQUEUED:
		*rebuild = true;
		return take_queues(e, index, &now, err);
	case SETTINGS:
		return take_settings(e, index, &now, err);
	default:
		return 0;
	}
}

/* --- the whole -------------------------------------------------------------------------------- */

static int rebuild(struct engine *e, struct err *err)
{
	stop(e);
	int r = engine_open_workers(e, BIND_TRIES, err);
	r = r ? r : engine_start_workers(e, err);
	if (r) {
		stop(e);
		return r;
	}
	for (uint32_t i = 0; i < e->port_count; i++) {
		e->ports[i].rebuilds += e->ports[i].there;
		if (e->ports[i].there)
			e->ports[i].patience = 0;
	}
	engine_choose_fast_path(e);
	return 0;
}

/*
 * Those that have just come back stand in the way of the others: they are tried again later, and
 * ever later, as each try has all workers pause.
 */
static bool give_up_returned(struct engine *e, const struct port before[ABI_MAX_PORTS])
{
	bool any = false;
	for (uint32_t i = 0; i < e->port_count; i++) {
		struct port *p = &e->ports[i];
		if (!p->there || (before[i].there && before[i].losses == p->losses))
			continue;
		give_up(e, i);
		p->patience = p->patience < PATIENCE_MAX ? 2 * p->patience + 1 : PATIENCE_MAX;
		p->wait = p->patience;
		any = true;
	}
	return any;
}

/* What counts is not a change. */
static bool is_same(const struct port *a, const struct port *b)
{
	return a->ifindex == b->ifindex && a->there == b->there && a->up == b->up &&
	       a->mtu == b->mtu && a->queue_count == b->queue_count && a->zerocopy == b->zerocopy &&
	       a->losses == b->losses && !memcmp(a->mac, b->mac, ETH_ALEN);
}

static bool has_workers(const struct engine *e)
{
	bool any = false;
	for (uint32_t i = 0; i < e->port_count; i++)
		any |= e->ports[i].there;
	return e->workers || !any;
}

uint32_t engine_longest_mtu(const struct engine *e)
{
	return e->multi_buffer ? PORT_MAX_MTU : PORT_FRAME_MTU;
}

bool engine_is_whole(const struct engine *e)
{
	bool all = true;
	for (uint32_t i = 0; i < e->port_count; i++)
		all &= e->ports[i].there || e->ports[i].removed;
	return all && e->workers;
}

/* The first error is told; what it is about is tried again with the next call. */
static int follow_ports(struct engine *e, bool *needs, struct err *err)
{
	int failed = 0;
	for (uint32_t i = 0; i < e->port_count; i++) {
		int r = follow_port(e, i, needs, failed ? NULL : err);
		failed = failed ? failed : r;
	}
	return failed;
}

int engine_follow_all(struct engine *e, bool anyway, struct err *err)
{
	bool needs = anyway || !has_workers(e);
	int failed = follow_ports(e, &needs, err);
	int r = needs || !has_workers(e) ? rebuild(e, failed ? NULL : err) : 0;
	return failed ? failed : r;
}

void engine_tell(const struct engine *e, const struct port before[ABI_MAX_PORTS],
		 engine_change_fn *fn, void *context)
{
	for (uint32_t i = 0; i < e->port_count; i++) {
		const struct engine_change change = {
			.before = before[i],
			.after = e->ports[i],
			.rebuilt = e->ports[i].rebuilds != before[i].rebuilds,
		};
		if (!is_same(&change.before, &change.after))
			fn(context, &change);
	}
}

int engine_follow(struct engine *e, const struct config *config, engine_change_fn *fn,
		  void *context, struct err *err)
{
	struct port before[ABI_MAX_PORTS];
	memcpy(before, e->ports, sizeof(before));
	e->config = config;
	int r = engine_follow_all(e, false, err);
	if (!has_workers(e) && give_up_returned(e, before))
		rebuild(e, NULL);
	e->config = NULL;
	engine_tell(e, before, fn, context);
	return r;
}
