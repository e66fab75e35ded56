// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where everything that came in has gone. Every packet is counted once on its way in, by the XDP
 * program, and once where it ends: in the XDP program, in front of a socket, or by a worker.
 *
 * Control thread; it reads what others write, each counter on its own.
 */
#include "datapath/ledger.h"

#include <errno.h>
#include <string.h>

#include "datapath/engine_state.h"
#include "datapath/policy_maps.h"
#include "datapath/program.h"
#include "datapath/watch.h"
#include "lb/snapshot.h"

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Adds what sockets could not take; their counters end with them. */
static void add_kernel_drops(const struct engine *e, uint64_t drops[ABI_REASON_SLOTS])
{
	struct socket_counters c;
	for (uint32_t i = 0; e->workers && i < e->worker_count; i++) {
		const struct worker *w = &e->workers[i];
		for (uint32_t j = 0; j < w->socket_count; j++) {
			if (xsk_counters(&w->sockets[j], &c))
				continue;
			drops[REASON_RX_FULL] += c.rx_full;
			drops[REASON_RX_NO_FRAME] += c.rx_no_frame;
		}
	}
}

/* What the kernel has not taken up by now was not sent. */
static void give_up_unsent(struct worker *w)
{
	for (uint32_t i = 0; i < w->socket_count; i++)
		w->counters->tx_failed += xsk_unsent_packets(&w->sockets[i]);
}

void ledger_keep(struct engine *e)
{
	add_kernel_drops(e, e->instance.header->lost);
	for (uint32_t i = 0; i < e->worker_count; i++)
		give_up_unsent(&e->workers[i]);
}

/* What workers of this and earlier daemons have dropped, by reason. */
static void add_worker_drops(const struct engine *e, uint64_t drops[ABI_REASON_SLOTS])
{
	for (uint32_t i = 0; i < e->instance.worker_slots; i++) {
		const struct worker_memory *w = &e->instance.workers[i];
		for (int r = 0; r < REASON_COUNT; r++)
			drops[r] += load(&w->lb.dropped[r]);
		drops[REASON_TX_FULL] += load(&w->own.tx_full);
		drops[REASON_TX_FAILED] += load(&w->own.tx_failed);
		drops[REASON_NOT_SERVED] += load(&w->own.not_served);
	}
}

static uint64_t sum_of(const uint64_t counters[ABI_REASON_SLOTS])
{
	uint64_t sum = 0;
	for (int r = 0; r < ABI_REASON_SLOTS; r++)
		sum += counters[r];
	return sum;
}

static uint64_t worker_transmitted(const struct engine *e)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < e->instance.worker_slots; i++)
		sum += load(&e->instance.workers[i].own.tx_packets) -
		       load(&e->instance.workers[i].own.tx_failed);
	return sum;
}

static uint64_t not_steered(const struct engine *e)
{
	struct watch_counters c;
	uint64_t sum = 0;
	for (uint32_t i = 0; i < e->port_count; i++) {
		watch_counters(e->watch, i, &c);
		sum += c.not_steered;
	}
	return sum;
}

/* What XDP programs sent, and was not. */
static uint64_t unsent_by_xdp(const struct engine *e)
{
	struct watch_counters c;
	uint64_t sum = 0;
	for (uint32_t i = 0; i < e->port_count; i++) {
		watch_counters(e->watch, i, &c);
		sum += c.tx_failed;
	}
	return sum;
}

void ledger_settle(struct engine *e)
{
	uint64_t known[ABI_REASON_SLOTS] = {}, steered = 0;
	struct port_counters port;
	for (uint32_t i = 0; i < e->port_count; i++)
		if (!program_counters(e->program, i, &port))
			steered += port.steered;
	add_worker_drops(e, known);
	uint64_t accounted = not_steered(e) + sum_of(known) + sum_of(e->instance.header->lost) +
			     worker_transmitted(e);
	e->instance.header->lost[REASON_DAEMON_LOST] += steered - accounted;
}

void ledger_fold(struct engine *e)
{
	const size_t words = sizeof(struct worker_memory) / sizeof(uint64_t);
	uint64_t *to = (uint64_t *)&e->instance.workers[0];
	for (uint32_t i = e->worker_count; i < e->instance.worker_slots; i++) {
		uint64_t *from = (uint64_t *)&e->instance.workers[i];
		for (size_t w = 0; w < words; w++) {
			to[w] += from[w];
			from[w] = 0;
		}
	}
}

static void clear_traffic(struct lb_traffic *t)
{
	__atomic_store_n(&t->packets, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->bytes, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->flows, 0, __ATOMIC_RELAXED);
}

static void retire_backend(struct engine *e, uint32_t id, uint32_t service)
{
	struct fast_traffic t, *to = &e->instance.header->retired[service];
	if (!program_traffic(e->program, id, 1, &t)) {
		to->packets += t.packets;
		to->bytes += t.bytes;
	}
	program_reset_traffic(e->program, id);
	for (uint32_t w = 0; w < e->instance.worker_slots; w++)
		clear_traffic(&e->instance.workers[w].lb.backends[id]);
}

static void retire_service(struct engine *e, uint32_t id)
{
	e->instance.header->retired[id] = (struct fast_traffic){};
	for (uint32_t w = 0; w < e->instance.worker_slots; w++)
		clear_traffic(&e->instance.workers[w].lb.services[id]);
}

void ledger_retire(struct engine *e, const struct snapshot *before, const struct snapshot *now)
{
	for (uint32_t id = 0; id < before->backend_end; id++)
		if (before->backends[id].present &&
		    (id >= now->backend_end || !now->backends[id].present))
			retire_backend(e, id, before->backends[id].service);
	for (uint32_t id = 0; id < before->service_end; id++)
		if (before->services[id].present &&
		    (id >= now->service_end || !now->services[id].present))
			retire_service(e, id);
}

static void add_bytes(const struct engine *e, uint64_t bytes[ABI_REASON_SLOTS])
{
	struct port_counters port;
	for (int r = 0; r < REASON_COUNT; r++)
		for (uint32_t i = 0; i < e->instance.worker_slots; i++)
			bytes[r] += load(&e->instance.workers[i].lb.dropped_bytes[r]);
	for (uint32_t i = 0; i < e->port_count; i++) {
		if (program_counters(e->program, i, &port))
			continue;
		for (int r = 0; r < REASON_COUNT; r++)
			bytes[r] += port.dropped_bytes[r];
	}
}

void engine_drops(const struct engine *e, struct engine_drops *out)
{
	struct port_counters port;
	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < e->port_count; i++) {
		if (program_counters(e->program, i, &port))
			continue;
		for (int r = 0; r < REASON_COUNT; r++)
			out->xdp[r] += port.dropped[r];
	}
	add_bytes(e, out->bytes);
	out->xdp[REASON_TX_FAILED] += unsent_by_xdp(e);
	out->not_steered = not_steered(e);
	memcpy(out->kernel, e->instance.header->lost, sizeof(out->kernel));
	add_kernel_drops(e, out->kernel);
	add_worker_drops(e, out->worker);
}

void engine_ledger(const struct engine *e, struct engine_ledger *out)
{
	struct engine_drops drops;
	struct port_counters port;
	/* From the way out to the way in: what moves meanwhile shows as held, not as lost. */
	*out = (struct engine_ledger){.transmitted = worker_transmitted(e)};
	for (uint32_t i = 0; i < e->worker_count; i++) {
		const struct worker *w = &e->workers[i];
		out->held += lb_held(&w->lb);
		for (uint32_t j = 0; j < w->socket_count; j++) {
			uint32_t unsent = xsk_unsent_packets(&w->sockets[j]);
			out->transmitted -= unsent;
			out->held += unsent + xsk_unread_packets(&w->sockets[j]);
		}
	}
	engine_drops(e, &drops);
	out->dropped =
		sum_of(drops.xdp) + sum_of(drops.kernel) + sum_of(drops.worker) + drops.not_steered;
	out->transmitted -= unsent_by_xdp(e);
	for (uint32_t i = 0; i < e->port_count; i++) {
		if (program_counters(e->program, i, &port))
			continue;
		out->rx += port.rx_packets;
		out->passed += port.passed;
		out->transmitted += port.transmitted;
	}
}

/* --- what each part of the engine counts ------------------------------------------------- */

int engine_port_counters(const struct engine *e, uint32_t index, struct port_counters *out)
{
	return program_counters(e->program, index, out);
}

int engine_fast_traffic(const struct engine *e, uint32_t first, uint32_t count,
			struct fast_traffic *out)
{
	return program_traffic(e->program, first, count, out);
}

int engine_rule_traffic(const struct engine *e, uint32_t rule, struct rule_traffic *out)
{
	return program_rule_traffic(e->program, rule, out);
}

void engine_reset_rule(struct engine *e, uint32_t rule)
{
	program_reset_rule(e->program, rule);
}

const struct meter_bucket *engine_open_meters(const struct engine *e, uint64_t *mask)
{
	return policy_meters_open(program_meters(e->program), mask);
}

void engine_close_meters(const struct meter_bucket *meters, uint64_t mask)
{
	policy_meters_close(meters, mask);
}

void engine_retired_traffic(const struct engine *e, uint32_t service, struct fast_traffic *out)
{
	*out = e->instance.header->retired[service];
}

int engine_socket_counters(const struct engine *e, uint32_t port, uint32_t queue,
			   struct socket_counters *out)
{
	if (!e->worker_count || !e->ports[port].there)
		return -ENODEV;
	uint16_t id = e->ports[port].queues[queue];
	const struct worker *w = &e->workers[queue % e->worker_count];
	for (uint32_t i = 0; i < w->socket_count; i++)
		if (w->sockets[i].port == port && w->sockets[i].queue == id)
			return xsk_counters(&w->sockets[i], out);
	return -ENOENT;
}

const struct lb_counters *engine_worker_counters(const struct engine *e, uint32_t index)
{
	return &e->instance.workers[index].lb;
}

void engine_worker(const struct engine *e, uint32_t index, struct engine_worker *out)
{
	const struct worker_memory *memory = &e->instance.workers[index];
	const uint64_t *from = (const uint64_t *)&memory->own;
	*out = (struct engine_worker){.cpu = -1, .node = -1, .lb = &memory->lb};
	for (size_t i = 0; i < sizeof(out->counters) / sizeof(*from); i++)
		((uint64_t *)&out->counters)[i] = load(&from[i]);
	if (index >= e->worker_count) {
		out->tap_lost = worker_tap_lost(&e->taps[index]);
		return;
	}
	const struct worker *w = &e->workers[index];
	out->cpu = w->cpu;
	out->tid = __atomic_load_n(&w->tid, __ATOMIC_RELAXED);
	out->memory = w->memory.kind;
	out->node = w->memory.node;
	out->tap_lost = worker_tap_lost(&w->tap);
	out->held = lb_held(&w->lb);
	worker_frames(w, &out->frames);
}
