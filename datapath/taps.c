// SPDX-License-Identifier: BSD-2-Clause
/*
 * A slot is written while no tap looks at it: that is before it is armed, and, for the one that had
 * it before, after it was disarmed. A tap that is in the middle of a packet meanwhile may mix the
 * two up; who takes records leaves out those from before its time.
 */
#include "datapath/taps.h"

#include <string.h>
#include <time.h>

#include "datapath/engine_state.h"
#include "datapath/grace.h"
#include "datapath/instance.h"
#include "datapath/program.h"
#include "datapath/tap_rings.h"
#include "datapath/watch.h"

#define XDP_WAIT_NS 1000000

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* --- arming ---------------------------------------------------------------------------------- */

static void add_to_control(struct tap_control *c, const struct capture_slot *s, uint16_t rx_ports)
{
	const uint64_t in_front = 1ull << REASON_RX_FULL | 1ull << REASON_RX_NO_FRAME;
	c->reasons |= s->reasons;
	c->services |= s->services_wanted;
	c->rx |= (s->rx_ports & rx_ports) != 0;
	c->forwarded |= s->services_wanted || s->tx_ports;
	c->steered |= (s->reasons & in_front) != 0;
	c->passing |= c->rx | c->forwarded;
}

/* What the taps of a port, or (all bits) of a worker have to know of all slots together. */
static struct tap_control control_of(const struct engine *e, uint16_t rx_ports)
{
	struct tap_control c = {.captures = e->captures_armed};
	for (uint32_t slot = 0; slot < CAPTURES_MAX; slot++)
		if (e->captures_armed >> slot & 1)
			add_to_control(&c, &e->instance.captures[slot], rx_ports);
	return c;
}

static bool wants_kernel(const struct engine *e)
{
	for (uint32_t slot = 0; slot < CAPTURES_MAX; slot++)
		if (e->captures_armed >> slot & 1 && e->instance.captures[slot].kernel)
			return true;
	return false;
}

static int publish(struct engine *e, struct err *err)
{
	for (uint32_t i = 0; i < e->port_count; i++) {
		struct tap_control c = control_of(e, 1u << i);
		program_set_taps(e->program, i, &c);
	}
	struct tap_control c = control_of(e, UINT16_MAX);
	tap_control_set(&e->shared.tap, &c);
	return watch_set_taps(e->watch, &c, wants_kernel(e), err);
}

void taps_renew(struct engine *e)
{
	publish(e, NULL);
}

static int need_rings(struct engine *e, uint32_t kind, struct err *err)
{
	if (e->rings[kind])
		return 0;
	return tap_rings_open(&e->rings[kind], program_tap_map(e->program), kind, e->instance.cpus,
			      err);
}

int taps_set(struct engine *e, uint32_t slot, const struct capture_slot *want, struct err *err)
{
	int r = need_rings(e, TAP_RING_PACKETS, err);
	if (!r && want->kernel)
		r = need_rings(e, TAP_RING_KERNEL, err);
	if (r)
		return r;
	memcpy(&e->instance.captures[slot], want, sizeof(*want));
	e->captures_armed |= 1u << slot;
	r = publish(e, err);
	if (r)
		taps_clear(e, slot);
	return r;
}

/* XDP programs are not interrupted by anybody who waits: they are through in no time. */
static void wait_for_taps(void)
{
	grace_wait();
	nanosleep(&(struct timespec){.tv_nsec = XDP_WAIT_NS}, NULL);
}

void taps_clear(struct engine *e, uint32_t slot)
{
	if (!(e->captures_armed >> slot & 1))
		return;
	e->captures_armed &= ~(1u << slot);
	publish(e, NULL);
	wait_for_taps();
}

void taps_close(struct engine *e)
{
	for (uint32_t kind = 0; kind < TAP_RINGS; kind++) {
		tap_rings_close(e->rings[kind]);
		e->rings[kind] = NULL;
	}
}

/* --- limits and losses ----------------------------------------------------------------------- */

void taps_credit(struct engine *e, uint32_t slot, int64_t packets, int64_t most)
{
	long long *credit = &e->instance.captures[slot].credit;
	/* Others only take: what was below the bound before stays below it. */
	int64_t now = __atomic_load_n(credit, __ATOMIC_RELAXED);
	if (now + packets > most)
		packets = most - now;
	__atomic_fetch_add(credit, packets, __ATOMIC_RELAXED);
}

static void add_tally(struct capture_tally *sum, const struct tap_state *state, uint32_t slot,
		      uint32_t port)
{
	const struct capture_tally *t = &state->tallies[slot][port];
	sum->matched += load((const uint64_t *)&t->matched);
	sum->skipped += load((const uint64_t *)&t->skipped);
	sum->lost_rate += load((const uint64_t *)&t->lost_rate);
	sum->lost_full += load((const uint64_t *)&t->lost_full);
}

void taps_tally(const struct engine *e, uint32_t slot, uint32_t port, struct capture_tally *out)
{
	*out = (struct capture_tally){};
	for (uint32_t i = 0; i < e->instance.cpus * TAP_STATES; i++)
		add_tally(out, &e->instance.tap_states[i], slot, port);
	for (uint32_t i = 0; i < e->worker_count; i++)
		add_tally(out, &e->workers[i].tap.state, slot, port);
	for (uint32_t i = 0; i < e->workers_seen; i++)
		add_tally(out, &e->taps[i].state, slot, port);
}

uint64_t taps_unseen(const struct engine *e, const struct capture_slot *want, uint32_t port)
{
	struct watch_counters c;
	if (!(want->reasons >> REASON_TX_FAILED & 1) || want->rule != ABI_NO_RULE ||
	    want->filter_length)
		return 0;
	watch_counters(e->watch, port, &c);
	return c.tx_failed;
}

/* --- records --------------------------------------------------------------------------------- */

void taps_drain(struct engine *e, tap_fn *fn, void *context, uint64_t until_ns)
{
	for (uint32_t i = 0; i < e->worker_count; i++)
		tap_ring_drain(e->workers[i].tap.ring, fn, context, until_ns);
	for (uint32_t i = 0; i < e->workers_seen; i++)
		tap_ring_drain(e->taps[i].ring, fn, context, until_ns);
	for (uint32_t kind = 0; kind < TAP_RINGS; kind++)
		tap_rings_drain(e->rings[kind], fn, context, until_ns);
}
