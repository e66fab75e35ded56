// SPDX-License-Identifier: BSD-2-Clause
/*
 * A configuration with other interfaces, workers or packet memory than the one before, while the
 * engine runs. What can be found out beforehand is; what can't, whether sockets and memory are to
 * be had say, shows while it is done, and then what was there before is made again. Control thread
 * only.
 *
 * A port keeps its index, which flows and maps know it by, as long as the engine is open. One that
 * is removed stays for its counters, without which the ledger would not add up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/engine_state.h"
#include "datapath/program.h"
#include "datapath/taps.h"
#include "lb/err.h"
#include "lb/snapshot.h"

static bool same_numbers(const struct config_numbers *a, const struct config_numbers *b)
{
	return a->count == b->count &&
	       (!a->count || !memcmp(a->values, b->values, a->count * sizeof(a->values[0])));
}

/* Whether workers have to be made anew, though the ports are the same. */
static bool other_workers(const struct config *a, const struct config *b)
{
	return !same_numbers(&a->cpus, &b->cpus) || a->poll != b->poll ||
	       a->pin_interrupts != b->pin_interrupts || a->hugepages != b->hugepages ||
	       a->frames_per_queue != b->frames_per_queue ||
	       a->flow_insert_limit != b->flow_insert_limit;
}

/* --- beforehand ------------------------------------------------------------------------------- */

/* The index of an interface's port; port_count: it has none. */
static uint32_t find_index(const struct engine *e, const char *name)
{
	uint32_t i = 0;
	while (i < e->port_count && strcmp(e->ports[i].name, name))
		i++;
	return i;
}

/* The port of an interface's name, or NULL. */
static struct port *find_port(struct engine *e, const char *name)
{
	uint32_t i = find_index(e, name);
	return i < e->port_count ? &e->ports[i] : NULL;
}

/* As add_ports() does it. */
void engine_number_ports(const struct engine *e, struct config *config)
{
	uint32_t next = e->port_count;
	for (unsigned int i = 0; i < config->interface_count; i++) {
		uint32_t known = find_index(e, config->interfaces[i].name);
		config->ports[i] = known < e->port_count ? known : next++;
	}
	config->renumbered = true;
}

static bool is_configured(const struct config *c, const char *name)
{
	for (unsigned int i = 0; i < c->interface_count; i++)
		if (!strcmp(c->interfaces[i].name, name))
			return true;
	return false;
}

/* One that was configured already may be away: it is served when it is back. */
static int check_interface(struct engine *e, const struct config *was,
			   const struct config_interface *wanted, struct err *err)
{
	struct port *known = find_port(e, wanted->name), probe;
	if (known && known->there) {
		probe = *known;
		return port_count_queues(&probe, wanted, err);
	}
	if (is_configured(was, wanted->name))
		return 0;
	int r = port_open(&probe, wanted, err);
	if (!r && probe.mtu > engine_longest_mtu(e))
		return err_set(
			err, EINVAL,
			"the MTU of %s is %u, and this daemon has begun without jumbo frames: "
			"restart it, or 'ip link set %s mtu 1500'",
			probe.name, probe.mtu, probe.name);
	return r;
}

static int check(struct engine *e, const struct config *was, const struct config *config,
		 struct err *err)
{
	char field[64];
	int r = engine_check_cpus(&config->cpus, err);
	if (r)
		err_place(err, "workers.cpus", 0);
	for (unsigned int i = 0; i < config->interface_count && !r; i++) {
		r = check_interface(e, was, &config->interfaces[i], err);
		snprintf(field, sizeof(field), "interfaces[%s]", config->interfaces[i].name);
		if (r)
			err_place(err, field, 0);
	}
	return r;
}

/* --- ports ------------------------------------------------------------------------------------ */

/* Makes room for an interface, which is not served yet. */
static int add_port(struct engine *e, const struct config_interface *wanted, struct err *err)
{
	struct port *p = find_port(e, wanted->name);
	if (p) {
		p->removed = false;
		return 0;
	}
	if (e->port_count == ABI_MAX_PORTS)
		return err_set(err, ENOSPC,
			       "%s would be interface %u since the start, removed ones too, of at "
			       "most %u: restart the daemon",
			       wanted->name, e->port_count + 1, ABI_MAX_PORTS);
	p = &e->ports[e->port_count];
	*p = (struct port){.wanted = wanted->mode};
	snprintf(p->name, sizeof(p->name), "%s", wanted->name);
	e->port_count++;
	const struct program_input input = engine_program_input(e);
	int r = program_add(e->program, &input, err);
	if (r) {
		e->port_count--;
		return r;
	}
	if (e->snapshot)
		program_set_echo_limit(e->program, e->snapshot->echo_limit);
	taps_renew(e);
	return 0;
}

static int add_ports(struct engine *e, struct err *err)
{
	int r = 0;
	for (unsigned int i = 0; i < e->config->interface_count && !r; i++)
		r = add_port(e, &e->config->interfaces[i], err);
	return r;
}

/* That what is new in the configuration is served now. */
static int check_served(const struct engine *e, const struct config *was, struct err *err)
{
	for (uint32_t i = 0; i < e->port_count; i++) {
		const struct port *p = &e->ports[i];
		if (!p->there && !p->removed && !is_configured(was, p->name))
			return err_set(err, ENODEV, "%s went away meanwhile", p->name);
	}
	return 0;
}

static int apply(struct engine *e, const struct config *was, struct err *err)
{
	int r = add_ports(e, err);
	r = r ? r : engine_follow_all(e, other_workers(was, e->config), err);
	r = r ? r : check_served(e, was, err);
	if (!r)
		engine_choose_fast_path(e);
	return r;
}

int engine_reconfigure(struct engine *e, const struct config *was, const struct config *config,
		       engine_change_fn *fn, void *context, struct err *err)
{
	struct port before[ABI_MAX_PORTS];
	int r = check(e, was, config, err);
	if (r)
		return r;
	memcpy(before, e->ports, sizeof(before));
	e->config = config;
	r = apply(e, was, err);
	if (r) {
		e->config = was;
		apply(e, config, NULL);
	}
	e->config = NULL;
	instance_name_ports(&e->instance, e->ports, e->port_count);
	engine_tell(e, before, fn, context);
	return r;
}
