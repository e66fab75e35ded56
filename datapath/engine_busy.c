// SPDX-License-Identifier: BSD-2-Clause
/*
 * With `poll: busy` workers drive the NIC's queues themselves, where sockets name them (by their
 * NAPI's number: zero copy tells it when it is bound, older kernels with the first packet), and the
 * NIC's interrupts are put off. Elsewhere they look at their rings all the time, and no more.
 * Control thread.
 */
#include "datapath/deferral.h"
#include "datapath/engine_state.h"

static bool is_busy(const struct engine *e)
{
	return e->worker_count && e->workers[0].poll == POLL_BUSY;
}

/* Whether all sockets of a port name a NAPI. */
static bool has_napis(const struct engine *e, uint32_t port)
{
	bool any = false;
	for (uint32_t i = 0; i < e->worker_count; i++)
		for (uint32_t j = 0; j < e->workers[i].socket_count; j++) {
			const struct xsk *x = &e->workers[i].sockets[j];
			if (x->port == port && !xsk_napi(x))
				return false;
			any |= x->port == port;
		}
	return any;
}

static void drive(struct engine *e, uint32_t port)
{
	for (uint32_t i = 0; i < e->worker_count; i++)
		for (uint32_t j = 0; j < e->workers[i].socket_count; j++)
			if (e->workers[i].sockets[j].port == port)
				__atomic_store_n(&e->workers[i].sockets[j].driven, true,
						 __ATOMIC_RELAXED);
}

void engine_put_off_interrupts(struct engine *e)
{
	for (uint32_t i = 0; is_busy(e) && i < e->port_count; i++) {
		struct port *p = &e->ports[i];
		if (p->busy_poll || !p->there || !has_napis(e, i) ||
		    deferral_set(&e->instance.deferrals[i], p->name, NULL))
			continue;
		drive(e, i);
		p->busy_poll = true;
	}
}

void engine_let_interrupts(struct engine *e)
{
	for (uint32_t i = 0; e->instance.deferrals && i < ABI_MAX_PORTS; i++)
		deferral_restore(&e->instance.deferrals[i]);
	for (uint32_t i = 0; i < e->port_count; i++)
		e->ports[i].busy_poll = false;
}
