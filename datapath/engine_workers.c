// SPDX-License-Identifier: BSD-2-Clause
/*
 * The workers of an engine and their sockets: which there are, on which CPUs, in which mode.
 * Control thread only.
 */
#include <errno.h>
#include <numa.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "datapath/engine_state.h"
#include "datapath/interrupts.h"
#include "datapath/ledger.h"
#include "datapath/program.h"
#include "lb/err.h"

#define BIND_WAIT_NS 20000000 /* the kernel gives back a closed socket's queue a little later */
#define MAX_WORKERS  ABI_MAX_QUEUES

/* The NUMA node of the first port that is there. */
static int first_node(const struct engine *e)
{
	for (uint32_t i = 0; i < e->port_count; i++)
		if (e->ports[i].there)
			return e->ports[i].node;
	return -1;
}

/* How unfit a CPU is for a worker: of another NUMA node than the NICs, or busy with interrupts. */
static int unfitness(int cpu, int node, const cpu_set_t *interrupted)
{
	bool elsewhere = node >= 0 && numa_available() >= 0 && numa_node_of_cpu(cpu) != node;
	return 2 * elsewhere + CPU_ISSET(cpu, interrupted);
}

/*
 * Workers that poll all the time want to be where their queues' interrupts are, others not; see
 * Documentation/networking/af_xdp.rst.
 */
static void find_interrupted(const struct engine *e, cpu_set_t *out)
{
	CPU_ZERO(out);
	for (uint32_t i = 0; i < e->port_count && e->config->poll != POLL_BUSY; i++)
		if (e->ports[i].there && e->ports[i].bus[0])
			interrupts_of(e->ports[i].bus, out);
}

/* All that this process may use, those fittest for workers first. */
static uint32_t find_cpus(const struct engine *e, int cpus[MAX_WORKERS])
{
	cpu_set_t allowed, interrupted;
	uint32_t count = 0;
	int node = first_node(e);
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		CPU_ZERO(&allowed);
	find_interrupted(e, &interrupted);
	for (int unfit = 0; unfit < 4; unfit++)
		for (int cpu = 0; cpu < CPU_SETSIZE && count < MAX_WORKERS; cpu++)
			if (CPU_ISSET(cpu, &allowed) && unfitness(cpu, node, &interrupted) == unfit)
				cpus[count++] = cpu;
	return count;
}

/* The CPUs workers run on, in `cpus`; how many there are. */
static uint32_t usable_cpus(const struct engine *e, int cpus[MAX_WORKERS])
{
	const struct config_numbers *wanted = &e->config->cpus;
	uint32_t count = 0;
	if (!wanted->count)
		return find_cpus(e, cpus);
	for (; count < wanted->count && count < MAX_WORKERS; count++)
		cpus[count] = wanted->values[count];
	return count;
}

int engine_check_cpus(const struct config_numbers *wanted, struct err *err)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (unsigned int i = 0; i < wanted->count; i++)
		if (wanted->values[i] >= CPU_SETSIZE || !CPU_ISSET(wanted->values[i], &set))
			return err_set(err, EINVAL,
				       "workers.cpus names CPU %u, which is not there or not "
				       "allowed: this process may use %d CPUs",
				       wanted->values[i], CPU_COUNT(&set));
	return 0;
}

/*
 * How many workers: each must own a queue of every port, so that it can transmit there. None where
 * no port is there.
 */
static uint32_t wanted_workers(const struct engine *e, uint32_t cpus)
{
	uint32_t count = cpus ? cpus : 1;
	bool any = false;
	if (count > e->instance.worker_slots)
		count = e->instance.worker_slots;
	for (uint32_t i = 0; i < e->port_count; i++) {
		const struct port *p = &e->ports[i];
		any |= p->there;
		if (p->there && p->queue_count < count)
			count = p->queue_count;
	}
	return any ? count : 0;
}

/* Sockets of worker `index`: of each port, every worker_count'th queue. */
static uint32_t sockets_of_worker(const struct engine *e, uint32_t index)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < e->port_count; i++)
		if (e->ports[i].there)
			count += (e->ports[i].queue_count - index + e->worker_count - 1) /
				 e->worker_count;
	return count;
}

static int open_worker_sockets(struct engine *e, struct worker *w, struct xsk_mode mode,
			       struct err *err)
{
	for (uint32_t i = 0; i < e->port_count; i++) {
		struct port *port = &e->ports[i];
		if (!port->there)
			continue;
		for (uint32_t q = w->index; q < port->queue_count; q += e->worker_count) {
			int r = worker_open_socket(w, port, i, port->queues[q], mode, err);
			if (r)
				return r;
			port->zerocopy = xsk_is_zerocopy(&w->sockets[w->socket_count - 1]);
		}
	}
	return 0;
}

void engine_close_workers(struct engine *e)
{
	for (uint32_t i = 0; e->workers && i < e->worker_count; i++) {
		if (e->workers[i].tap.slots)
			e->taps[i] = e->workers[i].tap;
		worker_close(&e->workers[i]);
	}
	free(e->workers);
	e->workers = NULL;
	e->worker_count = 0;
}

int engine_make_workers(struct engine *e, struct err *err)
{
	e->workers = aligned_alloc(64, e->worker_count * sizeof(*e->workers));
	if (!e->workers)
		return err_set(err, ENOMEM, "not enough memory for %u workers", e->worker_count);
	memset(e->workers, 0, e->worker_count * sizeof(*e->workers));
	if (engine_make_rings(e))
		return err_set(err, ENOMEM, "not enough memory to tell other nodes of flows");
	return 0;
}

static int open_workers(struct engine *e, struct xsk_mode mode, struct err *err)
{
	int cpus[MAX_WORKERS];
	uint32_t cpu_count = usable_cpus(e, cpus);
	e->worker_count = wanted_workers(e, cpu_count);
	if (!e->worker_count)
		return 0;
	int r = engine_make_workers(e, err);
	if (r)
		return r;
	for (uint32_t i = 0; i < e->worker_count; i++) {
		struct worker *w = &e->workers[i];
		w->tap = e->taps[i];
		e->taps[i] = (struct worker_tap){};
		r = worker_open(w, i, cpus[i % cpu_count], &e->shared, &e->instance.flows,
				&e->instance.workers[i], e->config, sockets_of_worker(e, i),
				first_node(e), err);
		if (!r)
			r = open_worker_sockets(e, w, mode, err);
		if (r) {
			engine_close_workers(e);
			return r;
		}
	}
	return 0;
}

static int open_workers_patiently(struct engine *e, bool zerocopy, unsigned int tries,
				  struct err *err)
{
	const struct xsk_mode mode = {.zerocopy = zerocopy, .multi_buffer = e->multi_buffer};
	int r = -EBUSY;
	for (unsigned int try = 0; r == -EBUSY && try < tries; try++) {
		if (try)
			nanosleep(&(struct timespec){.tv_nsec = BIND_WAIT_NS}, NULL);
		r = open_workers(e, mode, err);
	}
	if (r == -EINVAL && !zerocopy && e->multi_buffer)
		return err_prefix(
			err, EINVAL,
			"packets longer than %u bytes (the MTU) take Linux 6.6: set smaller "
			"MTUs, or run a newer kernel",
			PORT_FRAME_MTU);
	return r;
}

/*
 * All ports share one memory, so all are zero copy or none is. `auto` finds out by trying: the
 * kernel alone knows what a driver can do.
 */
static int open_in_best_mode(struct engine *e, unsigned int tries, struct err *err)
{
	bool try_zerocopy = true, must = false;
	for (uint32_t i = 0; i < e->port_count; i++) {
		const struct port *p = &e->ports[i];
		if (!p->there)
			continue;
		if (p->generic || p->wanted == MODE_COPY)
			try_zerocopy = false;
		must |= p->wanted == MODE_ZEROCOPY;
	}
	if (must && !try_zerocopy)
		return err_set(err, EINVAL,
			       "an interface wants mode: zerocopy, another one can't: all share "
			       "one packet memory, so set both to the same mode or to auto");
	if (!try_zerocopy)
		return open_workers_patiently(e, false, tries, err);
	int r = open_workers_patiently(e, true, tries, err);
	if (r == -EBUSY || r == -ENOMEM || r == -ENOBUFS || r == -EPERM)
		return r;
	if (r && must)
		return err_prefix(err, -r,
				  "mode: zerocopy is not to be had (set mode: auto or copy)");
	return r ? open_workers_patiently(e, false, tries, err) : 0;
}

int engine_open_workers(struct engine *e, unsigned int tries, struct err *err)
{
	int r = open_in_best_mode(e, tries, err);
	if (!r && e->worker_count > e->workers_seen)
		e->workers_seen = e->worker_count;
	return r;
}

/* Nothing is steered to a socket before it has frames to take it. */
static int steer_to(struct engine *e, struct worker *w, struct err *err)
{
	int r = 0;
	for (uint32_t i = 0; i < w->socket_count; i++)
		xsk_refill(&w->sockets[i], &w->pool);
	for (uint32_t i = 0; i < w->socket_count && !r; i++)
		r = program_set_socket(e->program, w->sockets[i].port, w->sockets[i].queue,
				       w->sockets[i].fd, err);
	return r;
}

int engine_start_workers(struct engine *e, struct err *err)
{
	int r = 0;
	for (uint32_t i = 0; i < e->worker_count && !r; i++)
		r = steer_to(e, &e->workers[i], err);
	for (uint32_t i = 0; i < e->worker_count && !r; i++)
		r = worker_start(&e->workers[i], err);
	if (r)
		return r;
	engine_let_interrupts(e); /* what a daemon that crashed has left */
	engine_put_off_interrupts(e);
	engine_choose_pinning(e);
	return 0;
}

void engine_stop_workers(struct engine *e)
{
	__atomic_store_n(&e->shared.stop, true, __ATOMIC_RELEASE);
	eventfd_write(e->shared.wake, 1);
	if (!e->handed)
		engine_let_interrupts(e);
	for (uint32_t i = 0; e->workers && i < e->worker_count; i++)
		worker_join(&e->workers[i]);
	if (e->instance.header && e->workers && !e->handed)
		ledger_keep(e);
	engine_close_workers(e);
	__atomic_store_n(&e->shared.stop, false, __ATOMIC_RELEASE);
	eventfd_t times;
	eventfd_read(e->shared.wake, &times);
}
